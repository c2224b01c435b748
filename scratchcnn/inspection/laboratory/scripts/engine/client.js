// The page's side of the engine: starts the worker and returns Promises.
//
//   const engine = createEngine(text);                     text: that of the engine, `engine_text()` of Python
//   await engine.ask("load", { name, description });       requests and their results: see requests.js
//   const found = await engine.forward(name, image);       null if a newer image came before this one was begun
//   const training = engine.start("train", { name, ... }, (progress) => ...);
//   training.stop(); await training.done;
//   engine.close();

function createEngine(text) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const worker = new Worker(address), waiting = new Map(), forwards = new Map();
  URL.revokeObjectURL(address);
  let count = 0;

  worker.onmessage = ({ data: { id, progress, result, error } }) => {
    const { resolve, reject, onProgress } = waiting.get(id);
    if (progress !== undefined) {
      onProgress?.(progress);
      return;
    }
    waiting.delete(id);
    if (error === undefined) resolve(result);
    else reject(new Error(error));
  };
  worker.onerror = ({ message }) => {
    for (const { reject } of waiting.values()) reject(new Error(message));
    waiting.clear();
  };

  // {done, stop}: a Promise of the result, and a function that ends a long request after its current step.
  function start(kind, request, onProgress = null) {
    const id = ++count;
    const done = new Promise((resolve, reject) => waiting.set(id, { resolve, reject, onProgress }));
    worker.postMessage({ ...request, id, kind });
    return { done, stop: () => worker.postMessage({ id: ++count, kind: "stop", request: id }) };
  }

  const ask = (kind, request = {}) => start(kind, request).done;

  // The forward pass of one image. While one is computed, only the newest of the others waits: drawing is faster than
  // the network, and the results of older drawings would come too late.
  function forward(name, image) {
    const lane = forwards.get(name) ?? { busy: false, next: null };
    forwards.set(name, lane);
    return new Promise((resolve, reject) => {
      lane.next?.resolve(null);
      lane.next = { image, resolve, reject };
      if (!lane.busy) advance(name, lane);
    });
  }

  function advance(name, lane) {
    const { image, resolve, reject } = lane.next;
    Object.assign(lane, { busy: true, next: null });
    ask("forward", { name, image }).then(resolve, reject).finally(() => {
      lane.busy = false;
      if (lane.next) advance(name, lane);
    });
  }

  return { ask, start, forward, close: () => worker.terminate() };
}
