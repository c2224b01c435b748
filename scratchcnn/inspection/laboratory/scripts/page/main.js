// Starts the laboratory: the engine, the three parts of the first screen, and the panels.

const MODEL = "model"; // the name of the network in the engine
let engine = null;

function repaint() {
  for (const each of redrawn) {
    if (each.canvas.isConnected) each.draw();
    else redrawn.delete(each);
  }
  tell("colours");
}

async function start() {
  document.body.dataset.script = "yes";
  page.layers = layersOf(page.network);
  page.input = { shape: page.network.inputShape, array: new Float64Array(sizeOf(page.network.inputShape)) };
  page.winograd = {};
  page.inkOnPaper = true;
  page.storedBy = "value computed by the engine";
  engine = createEngine(page.workers.engine);
  new DrawingView(document.getElementById("drawing"));
  buildStrip(document.getElementById("strip"));
  if (page.layers.some((layer) => layer.type === "Conv2D")) new WindowView(document.getElementById("window-view"));
  new LayerView(document.getElementById("layer-view"));
  new Answers(document.getElementById("answers"));
  buildPanels(document.getElementById("panels"));
  buildHistory();
  darkScheme.addEventListener("change", repaint);
  window.addEventListener("beforeprint", () => { printing = true; repaint(); });
  window.addEventListener("afterprint", () => { printing = false; repaint(); });
  await engine.ask("load", { name: MODEL, description: page.network });
  select(-1);
  if (!page.canDraw) storedDigits.step(1);
  else if (lab.input === null && drawing.isEmpty) compute(digitImage(page.digits.tests[0])); // an example, until the user draws
  document.body.dataset.ready = "yes";
}

start();
