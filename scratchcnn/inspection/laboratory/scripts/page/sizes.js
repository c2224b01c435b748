// How stride, padding, dilation and the number of filters determine the size of a convolution's output.

PANELS.push({
  key: "sizes",
  title: "How large is the output?",
  hint: "change window, stride, padding, dilation and filters of a convolution",

  build(element) {
    const number = (name, value, low, high) => {
      const field = make("input", { type: "number", min: String(low), max: String(high), value: String(value), inputmode: "numeric", name });
      field.addEventListener("input", () => this.show());
      return make("label", {}, name, field);
    };
    this.form = make("form", { class: "sizes" },
      number("image", 12, 3, 28), number("channels", 1, 1, 64), number("window", 3, 1, 7), number("stride", 1, 1, 4), number("dilation", 1, 1, 3), number("filters", 8, 1, 64),
      make("label", {}, "padding", make("select", { name: "padding" }, make("option", {}, "valid"), make("option", {}, "same"))));
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.querySelector("select").addEventListener("change", () => this.show());
    this.result = make("p", { class: "say", role: "status" });
    this.canvas = make("canvas", { role: "img", "aria-label": "the windows over the image, and the output" });
    fill(element, this.form, this.result, this.canvas);
    on("colours", () => this.show());
    this.show();
  },

  read() {
    const values = Object.fromEntries([...this.form.querySelectorAll("input")].map((field) => {
      return [field.name, Math.max(Number(field.min), Math.min(Number(field.max), Math.round(Number(field.value)) || Number(field.min)))];
    }));
    return { ...values, padding: this.form.querySelector("select").value };
  },

  show() {
    const { image, channels, window: size, stride, dilation, filters, padding } = this.read();
    const axis = windowsAlong(image, size, stride, dilation, padding), span = (size - 1) * dilation + 1;
    if (axis.output < 1) {
      this.result.textContent = `The window covers ${span} pixels, but the image has only ${image}: there is no output. Choose padding "same", or a smaller window.`;
      this.canvas.hidden = true;
      return;
    }
    const formula = padding === "valid" ? `\u230a(${image} \u2212 ${span}) / ${stride}\u230b + 1` : `\u2308${image} / ${stride}\u2309`;
    const parameters = size * size * channels * filters + filters;
    this.result.textContent = `Output: ${formula} = ${axis.output}, so ${axis.output}\u2009\u00d7\u2009${axis.output}\u2009\u00d7\u2009${filters}; ${counted(parameters, "parameter")} and ${counted(axis.output ** 2 * size * size * channels * filters, "multiplication")}.`;
    this.canvas.hidden = false;
    this.draw(axis);
  },

  // The image with its padding on the left, the output on the right; the first two windows are drawn.
  draw({ size, kernel, stride, dilation, before, output }) {
    const after = Math.max(0, (output - 1) * stride + (kernel - 1) * dilation + 1 - size - before), total = before + size + after;
    const room = Math.min(this.canvas.parentElement.clientWidth, 640), gap = 36, cell = Math.min(16, (room - gap) / (total + output));
    const context = sized(this.canvas, (total + output) * cell + gap, Math.max(total, output) * cell + 2);
    const style = getComputedStyle(document.documentElement), colour = (name) => style.getPropertyValue(name);
    const box = (x, y, fillWith, line = colour("--quiet")) => {
      context.fillStyle = fillWith;
      context.fillRect(x, y, cell - 1, cell - 1);
      context.strokeStyle = line;
      context.lineWidth = 0.5;
      context.strokeRect(x, y, cell - 1, cell - 1);
    };
    for (let y = 0; y < total; y++) {
      for (let x = 0; x < total; x++) {
        const inside = y >= before && y < before + size && x >= before && x < before + size;
        box(x * cell + 1, y * cell + 1, inside ? colour("--panel") : colour("--edge"));
      }
    }
    const right = total * cell + gap;
    for (let y = 0; y < output; y++) for (let x = 0; x < output; x++) box(right + x * cell, y * cell + 1, colour("--panel"));
    [colour("--line-0"), colour("--line-1")].slice(0, output).forEach((line, place) => {
      context.globalAlpha = 0.75;
      for (let y = 0; y < kernel; y++) for (let x = 0; x < kernel; x++) box((place * stride + x * dilation) * cell + 1, y * dilation * cell + 1, line);
      context.globalAlpha = 1;
      box(right + place * cell, 1, line);
    });
  },
});
