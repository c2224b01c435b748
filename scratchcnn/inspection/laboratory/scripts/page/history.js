// Which layer and value are shown; every jump can be undone with Back, of the page or of the browser.

// Shows a layer (-1: the input) and one of its values.
function go(number, index = null) {
  const depth = (history.state?.depth ?? 0) + 1;
  select(number, index);
  history.pushState({ ...lab.selected, depth }, "");
  showDepth();
}

function select(number, index = null) {
  lab.selected = { number, index: index ?? firstIndex(number) };
  tell("select");
}

// The largest value of a layer.
function firstIndex(number) {
  return lab.probabilities && number >= 0 ? placeOfLargest(valuesOf(number)) : 0;
}

function showDepth() {
  for (const button of document.querySelectorAll("[data-do=back]")) button.disabled = !history.state?.depth;
}

function buildHistory() {
  history.replaceState({ ...lab.selected, depth: 0 }, "");
  for (const button of document.querySelectorAll("[data-do=back]")) button.addEventListener("click", () => history.back());
  window.addEventListener("popstate", ({ state }) => {
    if (!state) return;
    select(state.number, state.index);
    showDepth();
  });
  showDepth();
}
