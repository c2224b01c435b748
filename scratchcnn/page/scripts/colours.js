// Colours of values: orange above zero, blue below, the page's background at zero; grey for pixels.

const darkScheme = window.matchMedia("(prefers-color-scheme: dark)");
let schemeIsDark = darkScheme.matches; // read once: it is needed for every value
darkScheme.addEventListener("change", () => { schemeIsDark = darkScheme.matches; });
let printing = false;
const isDark = () => schemeIsDark && !printing;

const RAMPS = {
  light: { zero: [246, 246, 243], positive: [[246, 186, 120], [200, 82, 14], [96, 32, 4]], negative: [[150, 192, 236], [36, 104, 184], [10, 40, 92]] },
  dark: { zero: [34, 38, 44], positive: [[128, 66, 18], [232, 130, 44], [255, 226, 176]], negative: [[28, 74, 130], [72, 148, 232], [196, 226, 255]] },
};

// The colour of a value of magnitude at most `limit`: [red, green, blue].
function colourOf(value, limit) {
  const ramp = RAMPS[isDark() ? "dark" : "light"];
  if (!Number.isFinite(value)) return [200, 0, 160];
  const share = limit > 0 ? Math.min(1, Math.abs(value) / limit) : 0;
  const stops = [ramp.zero, ...(value < 0 ? ramp.negative : ramp.positive)];
  const at = share * (stops.length - 1);
  const first = Math.min(stops.length - 2, Math.floor(at));
  return stops[first].map((part, i) => Math.round(part + (at - first) * (stops[first + 1][i] - part)));
}

function greyOf(value, low, high) {
  const part = high > low ? Math.round((255 * (value - low)) / (high - low)) : 0;
  return [part, part, part];
}

const css = ([red, green, blue]) => `rgb(${red}, ${green}, ${blue})`;

// Black or white, whichever can be read on that colour.
function inkOn([red, green, blue]) {
  const linear = [red, green, blue].map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  return light > 0.179 ? "#000" : "#fff";
}

function paint(element, value, limit) {
  const colour = colourOf(value, limit);
  element.style.backgroundColor = css(colour);
  element.style.color = inkOn(colour);
}
