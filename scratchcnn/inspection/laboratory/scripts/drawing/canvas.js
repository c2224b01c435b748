// The paper: a canvas on which mouse, touch and pen draw, erase, or move the drawing; the arrow keys move it, too.

class Paper {
  constructor(canvas, drawing) {
    Object.assign(this, { canvas, drawing, tool: "draw", thickness: 24, pointer: null });
    canvas.width = canvas.height = SIDE;
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    const on = (name, handle) => canvas.addEventListener(name, handle);
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.moved(event));
    for (const name of ["pointerup", "pointercancel"]) on(name, (event) => this.up(event));
    on("keydown", (event) => this.key(event));
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * SIDE) / box.width, ((event.clientY - box.top) * SIDE) / box.height];
  }

  // A second finger is ignored, and so are other mouse buttons.
  down(event) {
    if (this.pointer !== null || event.button > 0) return;
    event.preventDefault();
    this.canvas.focus({ preventScroll: true });
    this.pointer = event.pointerId;
    if (event.isTrusted) this.canvas.setPointerCapture(event.pointerId);
    this.start = this.place(event);
    this.moves = this.tool === "move"; // until the pen is lifted, even if another tool is chosen before
    if (this.moves) {
      this.drawing.grab();
      this.from = this.drawing.state;
    } else this.drawing.begin(this.start, this.tool === "erase" ? 2 * this.thickness : this.thickness, this.tool === "erase");
  }

  moved(event) {
    if (event.pointerId !== this.pointer) return;
    const all = event.getCoalescedEvents?.() ?? [];
    const places = (all.length ? all : [event]).map((each) => this.place(each));
    if (this.moves) this.drawing.move(places.at(-1).map((at, axis) => at - this.start[axis]), this.from);
    else this.drawing.extend(places);
  }

  up(event) {
    if (event.pointerId !== this.pointer) return;
    this.pointer = null;
    this.drawing.changed(true);
  }

  key(event) {
    const steps = { ArrowLeft: [-7, 0], ArrowRight: [7, 0], ArrowUp: [0, -7], ArrowDown: [0, 7] };
    if (!steps[event.key] || event.ctrlKey || event.altKey || event.metaKey || !this.drawing.state.strokes.length) return;
    event.preventDefault();
    this.drawing.grab();
    this.drawing.move(steps[event.key], this.drawing.state);
    this.drawing.changed(true);
  }

  draw() {
    const { strokes, shown } = this.drawing.state;
    drawStrokes(this.context, strokes);
    if (shown) shown.draw(this.context);
  }

  pixels() { return this.context.getImageData(0, 0, SIDE, SIDE); }
}
