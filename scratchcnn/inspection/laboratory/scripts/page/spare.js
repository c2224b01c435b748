// A second worker, for panels that compute while the first one follows the drawing.

let spare = null;

// The engine of the panels, with a network loaded under that name.
async function spareEngine(name, description) {
  spare ??= { engine: createEngine(page.workers.engine), loaded: new Map() };
  if (!spare.loaded.has(name)) spare.loaded.set(name, spare.engine.ask("load", { name, description }));
  await spare.loaded.get(name);
  return spare.engine;
}
