// Asks the training for its current state again and again, and shows it.

const view = document.getElementById("live");
const lost = document.getElementById("lost");
let shown = null;

async function update() {
  try {
    const answer = await fetch("content", { cache: "no-store" });
    const html = await answer.text();
    lost.hidden = answer.ok;
    if (answer.ok && html !== shown) {
      view.innerHTML = html;
      shown = html;
    }
  } catch {
    lost.hidden = false;
  }
  setTimeout(update, Number(view.dataset.milliseconds));
}

update();
