// The worker that prepares pictures, so that drawing never stutters: {id, pixels, dark} -> {id, image, even} or {id, refusal}.

self.addEventListener("message", ({ data }) => {
  if (data.shapeNetwork) {
    shapeNetwork = data.shapeNetwork;
    return;
  }
  try {
    self.postMessage({ id: data.id, ...prepare(data.pixels, data.dark) });
  } catch (error) {
    if (!(error instanceof NoDigit)) throw error;
    self.postMessage({ id: data.id, refusal: error.message });
  }
});
