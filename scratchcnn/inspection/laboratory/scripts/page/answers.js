// The answer: ten probabilities as bars, and how they changed as strokes were added.

const MOST_REMEMBERED = 72; // passes in the history
const TRAIL = { width: 72, height: 22, widest: 9 }; // CSS pixels

function sureness(probability) {
  const words = percentOf(probability);
  if (probability >= 0.9995) return "I am more than 99.9 % sure.";
  return probability > 0.9 ? `I am ${words} sure.` : probability > 0.6 ? `Probably: ${words}.` : `I am not sure: ${words}.`;
}

class Answers {
  constructor(element) {
    this.verdict = element.querySelector(".verdict");
    this.past = [];
    this.rows = Array.from({ length: sizeOf(page.layers.at(-1).outputShape) }, (_, digit) => {
      const fillBar = make("span", { class: "filled" }), value = make("td", { class: "value" }, "\u2013");
      const trail = make("canvas", { "aria-hidden": "true" });
      const name = make("button", { type: "button", class: "link", title: `How was the score of ${digit} computed?`, onclick: () => go(page.layers.length - 1, digit) }, String(digit));
      const row = make("tr", {}, make("th", { scope: "row" }, name), make("td", { class: "bar" }, make("span", { class: "track" }, fillBar)), value, make("td", { class: "trail" }, trail));
      return { row, fillBar, value, trail };
    });
    element.querySelector("tbody").append(...this.rows.map(({ row }) => row));
    on("pass", () => this.show());
    on("empty", (reason) => this.clear(reason));
    on("colours", () => this.drawTrails());
  }

  show() {
    const probabilities = [...lab.probabilities], best = answerOf(probabilities);
    const { shown } = drawing.state; // another stored digit or photo has its own history
    if (shown !== this.shown) this.past = [];
    this.shown = shown;
    this.past = lab.example ? [] : [...this.past, probabilities].slice(-MOST_REMEMBERED);
    const sure = probabilities[best];
    fill(this.verdict, make("span", { class: "digit" }, String(best)),
      make("span", { class: "words" }, lab.example ? "An example: a stored digit. Draw your own." : sureness(sure)));
    this.rows.forEach(({ row, fillBar, value }, digit) => {
      row.classList.toggle("chosen", digit === best);
      fillBar.style.width = `${100 * probabilities[digit]}%`;
      value.textContent = percentOf(probabilities[digit]);
      value.dataset.probability = String(probabilities[digit]);
    });
    this.drawTrails();
  }

  clear(reason) {
    if (!reason) this.past = [];
    fill(this.verdict, make("span", { class: "digit" }, "?"), make("span", { class: "words" }, reason || "Draw a digit, and I will read it."));
    this.rows.forEach(({ row, fillBar, value }) => {
      row.classList.remove("chosen");
      fillBar.style.width = "0";
      value.textContent = "\u2013";
      delete value.dataset.probability;
    });
    this.drawTrails();
  }

  drawTrails() {
    const style = getComputedStyle(document.documentElement), ink = style.getPropertyValue("--line-1");
    this.rows.forEach(({ trail }, digit) => {
      const context = sized(trail, TRAIL.width, TRAIL.height), column = Math.min(TRAIL.widest, TRAIL.width / this.past.length);
      context.fillStyle = style.getPropertyValue("--edge");
      context.fillRect(0, TRAIL.height - 1, TRAIL.width, 1);
      context.fillStyle = ink;
      this.past.forEach((probabilities, i) => {
        const height = Math.round(probabilities[digit] * (TRAIL.height - 2));
        context.fillRect(i * column, TRAIL.height - 1 - height, column - (column > 3 ? 1 : 0), height);
      });
    });
  }
}
