// Panels below the first screen, each closed until somebody wants it. To add one, append it to PANELS:
//   key, title, hint   of its heading
//   build(element)     creates its content, when it is opened for the first time
//   update()           shows the current input; called when a drawing is complete while the panel is open
// A panel without update does not depend on the drawing.

const PANELS = [];

function buildPanels(element) {
  for (const panel of PANELS) {
    const body = make("div", { class: "panel-body" });
    const details = make("details", { class: "panel", id: `panel-${panel.key}` },
      make("summary", {}, make("span", { class: "panel-title" }, panel.title), make("span", { class: "panel-hint" }, panel.hint)), body);
    let isBuilt = false;
    const update = () => { if (details.open && panel.update && lab.input) panel.update(); };
    details.addEventListener("toggle", () => {
      if (!details.open) return;
      if (!isBuilt) panel.build(body);
      isBuilt = true;
      update();
    });
    on("settled", update);
    on("colours", () => { if (isBuilt) update(); });
    element.append(details);
  }
}
