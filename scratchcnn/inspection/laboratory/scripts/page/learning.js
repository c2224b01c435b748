// Learning changes the network of the whole page, until it is reset.

const TESTED_AT_ONCE = 8; // stored digits: between two parts, the engine answers the drawing

// steps: since the page was opened or reset. tested: the answers to the stored test digits, and after how many steps.
// testing: changes when a test begins, and when those that run are outdated. busy: steps are being taken.
const learned = { steps: 0, tested: null, testing: 0, busy: false };

function setBusy(busy) {
  learned.busy = busy;
  showChange();
  tell("learned");
}

// One training step on an image. Returns the loss {before, after}; the whole page shows the changed network.
async function learnStep(image, label, optimizer) {
  learned.testing++; // a test that is running would mix two networks
  const loss = await engine.ask("step", { name: MODEL, images: image, labels: [label], optimizer });
  learned.steps++;
  await showNetwork();
  return loss;
}

async function resetNetwork() {
  await engine.ask("reset", { name: MODEL });
  Object.assign(learned, { steps: 0, tested: null, testing: learned.testing + 1 });
  await showNetwork();
}

// Takes the engine's parameters for the sums on the page, and computes the current input again.
async function showNetwork() {
  const parameters = await engine.ask("parameters", { name: MODEL });
  for (const layer of page.layers) setParameters(layer, parameters[layer.firstStep]);
  if (lab.input) compute(lab.input);
  showChange();
  tell("learned");
}

// The answers of the network to the stored test digits, as {answers, steps}; null if it learned or was reset meanwhile.
async function testNetwork(progress) {
  const { tests, labels } = page.digits, answers = [], testing = ++learned.testing, { steps } = learned;
  for (let start = 0; start < tests.length; start += TESTED_AT_ONCE) {
    const numbers = tests.slice(start, start + TESTED_AT_ONCE), size = sizeOf(page.input.shape);
    const images = new Float64Array(numbers.length * size);
    numbers.forEach((number, i) => images.set(digitImage(number), i * size));
    const found = await engine.ask("evaluate", { name: MODEL, images, labels: numbers.map((number) => labels[number]) });
    if (testing !== learned.testing) return null;
    answers.push(...found.answers);
    progress(answers.length / tests.length);
  }
  learned.tested = { answers, steps };
  return learned.tested;
}

// The last tested answers; without steps, those that Python computed.
const testedAnswers = () => learned.tested ?? { answers: page.digits.tests.map((number) => page.digits.predicted[number]), steps: 0 };

const accuracyOf = (answers) => answers.filter((answer, i) => answer === page.digits.labels[page.digits.tests[i]]).length / answers.length;

// Says at the lower edge of the window that the network is not the one that the page was written with.
function showChange() {
  let bar = document.getElementById("changed");
  if (bar === null) {
    const reset = make("button", { type: "button", onclick: () => resetNetwork() }, "Reset it");
    bar = make("div", { id: "changed", role: "status" }, make("p"), reset);
    document.body.append(bar);
  }
  bar.hidden = learned.steps === 0;
  bar.querySelector("button").disabled = learned.busy;
  bar.querySelector("p").textContent = `The network has changed: ${counted(learned.steps, "step")}.`;
}

// An image as a small picture.
function pictureOf(image, properties) {
  const canvas = make("canvas", properties), shape = imageShape();
  if (shape[2] !== 3) drawMosaic(canvas, image, shape, page.inputScale, true);
  else drawPixels(Object.assign(canvas, { height: SIDE, width: SIDE }).getContext("2d"), image);
  return canvas;
}
