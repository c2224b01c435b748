// A sheet: the output of a layer as feature maps side by side, or as a row of cells, for mouse, touch and arrow keys.

const redrawn = new Set(); // sheets, and other parts, that are redrawn when the colours change
const RATIO = Math.max(1, Math.min(3, window.devicePixelRatio || 1));

// A canvas of so many CSS pixels, sharp on fine screens.
function sized(canvas, width, height) {
  canvas.width = Math.round(width * RATIO);
  canvas.height = Math.round(height * RATIO);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.scale(RATIO, RATIO);
  context.imageSmoothingEnabled = false;
  return context;
}

// A canvas with one pixel per value.
function pixelCanvas(height, width, colour) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let at = 0, to = 0; at < height * width; at++) {
    const [red, green, blue] = colour(at);
    image.data[to++] = red;
    image.data[to++] = green;
    image.data[to++] = blue;
    image.data[to++] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

const EDGE = 3; // room around the maps for the frame of the one that is chosen
const CELLS = [36, 32, 28, 24, 16, 12, 8, 6, 5, 4, 3, 2, 1];

class Sheet {
  // options: shape, values, limit, tall (CSS pixels), grey ([low, high]), select(index, pointed), hover(index or null)
  constructor(canvas, options) {
    Object.assign(this, { tall: 600, most: 12, grey: null, chosen: 0, over: null }, options);
    this.canvas = canvas;
    canvas.addEventListener("click", (event) => this.choose(this.at(event), true));
    canvas.addEventListener("mousemove", (event) => this.hover && this.hover(this.at(event)));
    canvas.addEventListener("mouseleave", () => this.hover && this.hover(null));
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  get isMaps() { return this.shape.length === 3; }

  // pointed: by mouse or touch
  choose(index, pointed = false) {
    if (index !== null && this.select) this.select(index, pointed);
  }

  // Arranges the maps or cells in this width.
  layOut(width) {
    if (this.isMaps) {
      const [height, across, maps] = this.shape;
      for (let scale = this.most; scale >= 1; scale--) {
        this.arrange(width, height, across, maps, scale);
        if (this.width <= width && this.height <= this.tall) return;
      }
      if (this.width > width) this.arrange(width, height, across, maps, (width - 2 * EDGE) / across);
      return;
    }
    const count = sizeOf(this.shape);
    for (const size of CELLS) {
      this.columns = Math.max(1, Math.min(count, Math.floor(width / size)));
      this.scale = size;
      this.width = this.columns * size;
      this.height = Math.ceil(count / this.columns) * size;
      if (this.height <= this.tall) return;
    }
  }

  arrange(width, height, across, maps, scale) {
    this.scale = scale;
    this.gap = maps === 1 ? 0 : across * scale < 14 ? 1 : 4;
    const room = width - 2 * EDGE + this.gap;
    this.columns = Math.max(1, Math.min(maps, Math.floor(room / (across * scale + this.gap))));
    this.width = this.columns * (across * scale + this.gap) - this.gap + 2 * EDGE;
    this.height = Math.ceil(maps / this.columns) * (height * scale + this.gap) - this.gap + 2 * EDGE;
  }

  corner(map) {
    const [height, across] = this.shape;
    const step = (length) => length * this.scale + this.gap;
    return [EDGE + (map % this.columns) * step(across), EDGE + Math.floor(map / this.columns) * step(height)];
  }

  // The flat index of the value under the pointer, or null.
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = (event.clientX - box.left) * (this.width / box.width), y = (event.clientY - box.top) * (this.height / box.height);
    if (!this.isMaps) {
      const column = Math.floor(x / this.scale), index = Math.floor(y / this.scale) * this.columns + column;
      return column < this.columns && index >= 0 && index < sizeOf(this.shape) ? index : null;
    }
    const [height, across, maps] = this.shape;
    const count = (length, way) => Math.max(0, Math.floor((way - EDGE) / (length * this.scale + this.gap)));
    const map = count(height, y) * this.columns + Math.min(this.columns - 1, count(across, x));
    if (map >= maps) return null;
    const [left, top] = this.corner(map);
    const within = (at, length) => Math.min(length - 1, Math.max(0, Math.floor(at / this.scale))); // a gap: the nearest
    return ravel([within(y - top, height), within(x - left, across), map], this.shape);
  }

  key(event) {
    const moves = { ArrowLeft: [0, -1, 0], ArrowRight: [0, 1, 0], ArrowUp: [-1, 0, 0], ArrowDown: [1, 0, 0], PageUp: [0, 0, -1], PageDown: [0, 0, 1] };
    const move = moves[event.key];
    if (!move || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    if (!this.isMaps) {
      const index = this.chosen + move[0] * this.columns + move[1];
      if (index >= 0 && index < sizeOf(this.shape)) this.choose(index);
      return;
    }
    const place = unravel(this.chosen, this.shape).map((at, axis) => Math.min(this.shape[axis] - 1, Math.max(0, at + move[axis])));
    this.choose(ravel(place, this.shape));
  }

  colour(value) {
    return this.grey ? greyOf(value, ...this.grey) : colourOf(value, this.limit);
  }

  draw(width = this.lastWidth) {
    this.lastWidth = width;
    this.layOut(width);
    const context = sized(this.canvas, this.width, this.height);
    if (this.isMaps) this.drawMaps(context);
    else this.drawCells(context);
    if (this.over) this.over(context, this.scale, EDGE);
    if (this.select) this.mark(context);
  }

  drawMaps(context) {
    const [height, across, maps] = this.shape;
    const picture = pixelCanvas(height, maps * across, (at) => { // the maps side by side
      const map = Math.floor(at / across) % maps, place = Math.floor(at / (maps * across)) * across + (at % across);
      return this.colour(this.values[place * maps + map]);
    });
    for (let map = 0; map < maps; map++) {
      const [left, top] = this.corner(map);
      context.drawImage(picture, map * across, 0, across, height, left, top, across * this.scale, height * this.scale);
    }
  }

  drawCells(context) {
    const count = sizeOf(this.shape), named = this.scale >= 24;
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (let i = 0; i < count; i++) {
      const [left, top] = [(i % this.columns) * this.scale, Math.floor(i / this.columns) * this.scale];
      const colour = this.colour(this.values[i]);
      const edge = this.scale >= 8 ? 1 : 0;
      context.fillStyle = css(colour);
      context.fillRect(left, top, this.scale - edge, this.scale - edge);
      if (!named) continue;
      context.fillStyle = inkOn(colour);
      context.fillText(String(i), left + (this.scale - 1) / 2, top + this.scale / 2);
    }
  }

  // A frame around the chosen value, and around its map.
  mark(context) {
    let [left, top] = [(this.chosen % this.columns) * this.scale, Math.floor(this.chosen / this.columns) * this.scale];
    if (this.isMaps) {
      const [row, column, map] = unravel(this.chosen, this.shape);
      const [mapLeft, mapTop] = this.corner(map);
      [left, top] = [mapLeft + column * this.scale, mapTop + row * this.scale];
      if (this.gap >= 4) this.frame(context, mapLeft - 1, mapTop - 1, this.shape[1] * this.scale + 2, this.shape[0] * this.scale + 2);
    }
    const size = Math.max(5, this.scale);
    this.frame(context, left + (this.scale - size) / 2, top + (this.scale - size) / 2, size, size);
  }

  frame(context, left, top, width, height) {
    context.lineWidth = 3;
    context.strokeStyle = isDark() ? "#000" : "#fff";
    context.strokeRect(left, top, width, height);
    context.lineWidth = 1.5;
    context.strokeStyle = isDark() ? "#7ef0c8" : "#007a55";
    context.strokeRect(left, top, width, height);
  }
}

// A bar of the colours between the smallest and the largest value.
function drawLegend(element, limit, values, grey) {
  let least = Infinity;
  for (const value of values) if (value < least) least = value;
  const low = grey ? grey[0] : least < 0 ? -limit : 0, high = grey ? grey[1] : limit;
  const canvas = make("canvas", { role: "img", "aria-label": `colours from ${brief(low)} to ${brief(high)}` });
  const steps = 160;
  const bar = pixelCanvas(1, steps, (at) => {
    const value = low + ((high - low) * at) / (steps - 1);
    return grey ? greyOf(value, low, high) : colourOf(value, limit);
  });
  sized(canvas, steps, 10).drawImage(bar, 0, 0, steps, 10);
  fill(element, make("span", {}, brief(low)), canvas, make("span", {}, brief(high)));
}
