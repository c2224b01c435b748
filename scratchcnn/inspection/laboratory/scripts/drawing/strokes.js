// The drawing: strokes of ink and of the eraser, with undo and redo. A state is never modified, so it can be kept.

const SIDE = 336; // pixels of a side of the drawing
const MARGIN = 22; // paper all around, which no stroke reaches

// A stroke is {points: [[x, y], ...], thickness, erases}. `shown` is a stored digit or a photo instead of strokes.
const EMPTY = { strokes: [], shown: null };

class Drawing {
  constructor(changed) {
    this.changed = changed; // called after every change, with whether the change is complete
    this.state = EMPTY;
    this.before = [];
    this.after = [];
    this.held = false; // whether a stroke or a movement has begun that goes on; it ends with any other change
  }

  get isEmpty() { return this.state.strokes.length === 0 && this.state.shown === null; }

  // Replaces the state; the previous one can be restored.
  put(state, complete = true) {
    this.before.push(this.state);
    this.after = [];
    this.state = state;
    this.held = false;
    this.changed(complete);
  }

  undo() { this.travel(this.before, this.after); }
  redo() { this.travel(this.after, this.before); }

  travel(from, to) {
    if (!from.length) return;
    to.push(this.state);
    this.state = from.pop();
    this.held = false;
    this.changed(true);
  }

  clear() { if (!this.isEmpty) this.put(EMPTY); }
  show(shown) { this.put({ strokes: [], shown }); }

  begin(point, thickness, erases) {
    const stroke = { points: [onPaper(point, thickness)], thickness, erases };
    this.put({ strokes: [...this.state.strokes, stroke], shown: null }, false);
    this.held = true;
  }

  // The stroke that is being drawn gets longer.
  extend(points) {
    if (!this.held) return;
    const last = this.state.strokes.at(-1);
    const stroke = { ...last, points: [...last.points, ...points.map((point) => onPaper(point, last.thickness))] };
    this.state = { ...this.state, strokes: [...this.state.strokes.slice(0, -1), stroke] };
    this.changed(false);
  }

  // All strokes will be moved from where they are now.
  grab() {
    this.put(this.state);
    this.held = true;
  }

  // Moves all strokes from where they were at the start of the movement; they stay on the paper.
  move([right, down], from) {
    const within = (shift, axis) => {
      const ends = from.strokes.flatMap(({ points, thickness }) => points.map((point) => [point[axis] - thickness / 2, point[axis] + thickness / 2]));
      const low = Math.min(...ends.map(([first]) => first)), high = Math.max(...ends.map(([, last]) => last));
      return Math.max(MARGIN - low, Math.min(SIDE - MARGIN - high, shift));
    };
    if (!this.held || !from.strokes.length) return;
    const shift = [within(right, 0), within(down, 1)];
    this.state = { ...from, strokes: from.strokes.map((stroke) => ({ ...stroke, points: stroke.points.map(([x, y]) => [x + shift[0], y + shift[1]]) })) };
    this.changed(false);
  }
}

const onPaper = (point, thickness) => point.map((at) => Math.max(MARGIN + thickness / 2, Math.min(SIDE - MARGIN - thickness / 2, at)));

// Draws black strokes on white paper.
function drawStrokes(context, strokes) {
  context.fillStyle = "#fff";
  context.fillRect(0, 0, SIDE, SIDE);
  context.lineCap = context.lineJoin = "round";
  for (const { points, thickness, erases } of strokes) {
    context.strokeStyle = erases ? "#fff" : "#000";
    context.lineWidth = thickness;
    traceCurve(context, points);
    context.stroke();
  }
}

// A smooth curve through the middles between the points.
function traceCurve(context, points) {
  context.beginPath();
  context.moveTo(...points[0]);
  for (let i = 1; i < points.length - 1; i++) {
    const [x, y] = points[i];
    context.quadraticCurveTo(x, y, (x + points[i + 1][0]) / 2, (y + points[i + 1][1]) / 2);
  }
  const [x, y] = points.at(-1);
  context.lineTo(points.length > 1 ? x : x + 0.01, y); // a line without length would not be drawn, not even as a dot
}

// The pixels of these strokes, drawn on a canvas that is not shown.
function pixelsOfStrokes(strokes) {
  const context = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE }).getContext("2d", { willReadFrequently: true });
  drawStrokes(context, strokes);
  return context.getImageData(0, 0, SIDE, SIDE);
}
