// The page's side of the worker that prepares pictures.

class Preparer {
  constructor(text, shapeNetwork) {
    this.worker = workerOf(text);
    this.worker.addEventListener("message", ({ data }) => this.receive(data));
    this.worker.postMessage({ shapeNetwork });
    this.waiting = new Map();
    this.next = 0;
  }

  // {image, even}, or {refusal} with the reason why the picture is not a digit.
  prepare(pixels, dark = null) {
    const id = this.next++;
    this.worker.postMessage({ id, pixels, dark });
    return new Promise((resolve) => this.waiting.set(id, resolve));
  }

  receive({ id, ...found }) {
    this.waiting.get(id)(found);
    this.waiting.delete(id);
  }
}

function workerOf(text) {
  return new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
}
