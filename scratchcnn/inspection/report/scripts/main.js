// Builds every explorer, map and chart, and redraws them when the window or the colour scheme changes.

function drawImages() {
  const picture = imageCanvas();
  for (const canvas of document.querySelectorAll("canvas[data-picture=input]")) {
    const scale = Math.max(1, Math.floor(224 / Math.max(picture.width, picture.height)));
    sized(canvas, picture.width * scale, picture.height * scale).drawImage(picture, 0, 0, picture.width * scale, picture.height * scale);
  }
}

// The loss of this image: minus the logarithm of the probability of the correct class.
function showLoss() {
  const element = document.getElementById("loss-arithmetic");
  if (!element) return;
  const probability = arrayOf(page.probabilities)[page.label];
  const loss = -Math.log(probability), stored = Number(element.dataset.loss), dtype = page.layers[0].dtype;
  fill(element, ledger([
    { name: "probability", words: `probability of ${page.label}`, value: probability },
    { name: "sum", words: "\u2212 natural logarithm of it", value: loss },
    { name: "stored", words: "loss computed by the model", value: stored, strong: true },
    { name: "difference", words: "difference: the model computes the logarithm from the logits, not from the rounded probability", value: stored - loss, text: minus((stored - loss).toExponential(1)) },
  ], dtype));
}

// Redraws everything in colour: for another colour scheme, and for printing, which is always light.
function repaint() {
  for (const each of redrawn) if (!each.canvas || each.canvas.isConnected) each.draw();
    else redrawn.delete(each);
  for (const explorer of explorers.values()) {
    explorer.select(explorer.chosen);
    drawLegend(explorer.element.querySelector(".legend"), explorer.limit, explorer.values, explorer.grey);
  }
}

function start() {
  drawImages();
  for (const element of document.querySelectorAll(".explorer")) {
    const explorer = new Explorer(element);
    explorers.set(`${explorer.way}:${explorer.number}`, explorer);
    explorer.draw();
  }
  document.querySelectorAll("figure.map").forEach(buildMap);
  document.querySelectorAll(".lines").forEach(buildChart);
  if (page.im2col) buildIm2col(document.getElementById("im2col-tables"));
  showLoss();
  darkScheme.addEventListener("change", repaint);
  window.addEventListener("beforeprint", () => { printing = true; repaint(); });
  window.addEventListener("afterprint", () => { printing = false; repaint(); });
  document.querySelector("nav").addEventListener("click", (event) => {
    if (event.target.closest("a") && window.innerWidth < NARROW) document.querySelector(".contents").open = false;
  });
  let width = window.innerWidth, waiting = 0;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => explorers.forEach((explorer) => explorer.draw()));
  });
  if (window.innerWidth < NARROW) document.querySelector(".contents").open = false;
  document.body.dataset.ready = "yes";
}

start();
