// The worker: answers the requests of `requests.js`, and lets new ones in between the steps of long ones.

function startWorker() {
  const requests = createRequests(), stopped = new Set();
  const channel = new MessageChannel(); // unlike setTimeout, it has no shortest delay
  const nextTurn = () => new Promise((resolve) => {
    channel.port1.onmessage = resolve;
    channel.port2.postMessage(null);
  });

  // Runs a generator until it is done, and passes on what it yields as progress. It receives whether to stop.
  async function run(generator, id, kind) {
    let step = generator.next();
    while (!step.done) {
      if (step.value !== undefined) send({ id, kind, progress: step.value });
      await waitTurn();
      step = generator.next(stopped.has(id));
    }
    stopped.delete(id);
    return step.value;
  }

  let turns = Promise.resolve(); // one waiting at a time, as the channel has one handler
  const waitTurn = () => (turns = turns.then(nextTurn));

  self.onmessage = async ({ data: { id, kind, ...request } }) => {
    if (kind === "stop") {
      stopped.add(request.request);
      return;
    }
    try {
      if (!Object.hasOwn(requests, kind)) throw unknownName("a kind", kind, requests);
      const found = requests[kind](request);
      send({ id, kind, result: typeof found.next === "function" ? await run(found, id, kind) : found });
    } catch (error) {
      send({ id, kind, error: error.message });
    }
  };

  const send = (message) => self.postMessage(message, [...buffersOf(message, new Set())]);
}

// The buffers of all arrays in an answer, which are handed over instead of copied.
function buffersOf(value, found) {
  if (ArrayBuffer.isView(value)) found.add(value.buffer);
  else if (value !== null && typeof value === "object") for (const each of Object.values(value)) buffersOf(each, found);
  return found;
}

if (typeof WorkerGlobalScope !== "undefined" && self instanceof WorkerGlobalScope) startWorker();
