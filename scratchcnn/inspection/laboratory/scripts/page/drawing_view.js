// The left side: paper, tools, stored digits and your own image; prepares what is on the paper for the network.

let drawing = null, preparer = null, storedDigits = null;

const DOT = 30; // pixels of the paper

const asInput = (image) => Float64Array.from(image, (value) => value * page.inputScale);

class DrawingView {
  constructor(element) {
    const find = (selector) => element.querySelector(selector);
    this.element = element;
    this.words = find(".paper-words");
    this.seen = find(".seen canvas");
    drawing = new Drawing((complete) => this.changed(complete));
    this.paper = new Paper(find(".paper canvas"), drawing);
    storedDigits = new StoredDigits(find(".stored"));
    this.canDraw = page.canDraw;
    element.classList.toggle("no-drawing", !this.canDraw);
    if (this.canDraw) {
      const network = Object.entries(page.shapeNetwork).map(([name, { array, shape }]) => [name, { values: arrayOf(array), shape }]);
      preparer = new Preparer(page.workers.prepare, Object.fromEntries(network));
      this.buildTools(element);
    } else find(".paper canvas").style.pointerEvents = "none";
    this.buildFile(element);
    this.busy = false;
    this.paper.draw();
    this.caption = find(".seen figcaption");
    on("pass", () => {
      drawMosaic(this.seen, page.input.array, imageShape(), page.inputScale, true);
      this.caption.textContent = lab.example ? "An example: a stored digit" : "What the network sees";
    });
    on("empty", () => drawMosaic(this.seen, new Float64Array(sizeOf(imageShape())), imageShape(), 1, true));
  }

  buildTools(element) {
    for (const button of element.querySelectorAll("[data-tool]")) button.addEventListener("click", () => this.use(button.dataset.tool));
    const actions = { undo: () => drawing.undo(), redo: () => drawing.redo(), clear: () => drawing.clear() };
    for (const [name, action] of Object.entries(actions)) element.querySelector(`[data-do=${name}]`).addEventListener("click", action);
    element.querySelector("[name=thickness]").addEventListener("input", (event) => { this.paper.thickness = Number(event.target.value); });
    document.addEventListener("keydown", (event) => this.key(event, actions));
    this.use("draw");
  }

  use(tool) {
    this.paper.tool = tool;
    this.element.querySelector(".paper").dataset.tool = tool;
    for (const button of this.element.querySelectorAll("[data-tool]")) button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
  }

  key(event, actions) {
    if (event.target.closest("input, select, textarea")) return;
    const pressed = event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && pressed === "z") {
      event.preventDefault();
      actions[event.shiftKey ? "redo" : "undo"]();
    } else if ((event.ctrlKey || event.metaKey) && pressed === "y") {
      event.preventDefault();
      actions.redo();
    } else if (pressed === "delete") actions.clear();
  }

  buildFile(element) {
    const field = element.querySelector("[type=file]");
    if (!this.canDraw) {
      field.parentElement.remove();
      return;
    }
    field.addEventListener("change", async () => {
      const [file] = field.files;
      field.value = "";
      if (!file) return;
      try {
        const { pixels, canvas } = await pixelsOfFile(file);
        drawing.show({ pixels, draw: (context) => drawContained(context, canvas) });
      } catch (error) {
        this.say(error.message);
      }
    });
  }

  changed(complete) {
    this.paper.draw();
    this.element.querySelector(".paper").classList.toggle("is-empty", drawing.isEmpty);
    if (this.canDraw) {
      this.element.querySelector("[data-do=undo]").disabled = drawing.before.length === 0;
      this.element.querySelector("[data-do=redo]").disabled = drawing.after.length === 0;
      this.element.querySelector("[data-do=clear]").disabled = drawing.isEmpty;
    }
    if (!drawing.state.shown || drawing.state.shown.digit === undefined) storedDigits.words.textContent = "";
    if (!complete && this.isDot) return;
    this.complete = complete;
    this.isNew = true;
    if (!this.busy) this.prepare();
  }

  // Whether the drawing is only the beginning of a first stroke, which would be enlarged to a disc.
  get isDot() {
    const { strokes } = drawing.state;
    return strokes.length === 1 && strokes[0].points.every((point) => point.every((at, axis) => Math.abs(at - strokes[0].points[0][axis]) < DOT));
  }

  // Prepares the newest state; states in between are left out.
  async prepare() {
    this.busy = true;
    while (this.isNew) {
      this.isNew = false;
      const { complete } = this, { strokes, shown } = drawing.state;
      if (drawing.isEmpty) {
        lab.example = false;
        this.say("");
        computeNothing("");
      } else if (shown?.image) this.read(shown.image, complete, "");
      else {
        const isDrawn = strokes.length > 0, found = await preparer.prepare(isDrawn ? this.paper.pixels() : shown.pixels, isDrawn ? true : null);
        if (found.refusal) {
          if (complete) this.refuse(isDrawn ? found.refusal : `${found.refusal.startsWith("Nothing") ? "No digit was found." : found.refusal} ${CLEAN}`);
        } else this.read(asInput(found.image), complete, found.even || isDrawn ? "" : UNEVEN);
      }
    }
    this.busy = false;
  }

  read(input, complete, words) {
    lab.example = false;
    this.say(words);
    compute(input, complete);
  }

  refuse(reason) {
    this.say(reason);
    computeNothing(reason);
  }

  say(words) { this.words.textContent = words; }
}

const CLEAN = "This page reads clean pictures only; for photos with shadows or ruled paper, use read_digit in Python.";
const UNEVEN = `The light on this photo is uneven, and the image may not be the best one. ${CLEAN}`;

// A picture on the paper with its proportions kept.
function drawContained(context, canvas) {
  const scale = Math.min(SIDE / canvas.width, SIDE / canvas.height), [width, height] = [canvas.width * scale, canvas.height * scale];
  context.imageSmoothingEnabled = true;
  context.drawImage(canvas, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
}
