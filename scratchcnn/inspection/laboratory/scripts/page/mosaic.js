// Small pictures of a layer's output: all feature maps side by side, or the units of a vector as squares.

function mosaicSize(shape) {
  if (shape.length !== 3) {
    const across = Math.ceil(Math.sqrt(sizeOf(shape)));
    return { across, maps: 1, height: Math.ceil(sizeOf(shape) / across), width: across };
  }
  const [height, width, maps] = shape, across = Math.ceil(Math.sqrt(maps));
  return { across, maps, height: Math.ceil(maps / across) * (height + 1) - 1, width: across * (width + 1) - 1 };
}

// Draws the values, one pixel each, in the canvas; `ink` draws them as ink on paper.
function drawMosaic(canvas, values, shape, limit, ink = false) {
  const { across, height, width } = mosaicSize(shape);
  Object.assign(canvas, { height, width });
  const context = canvas.getContext("2d"), image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer), { packed } = paletteOf(ink);
  if (shape.length !== 3) values.forEach((value, i) => { pixels[i] = packed[shadeOf(value, limit)]; });
  else {
    const [rows, columns, maps] = shape;
    for (let map = 0; map < maps; map++) {
      const corner = Math.floor(map / across) * (rows + 1) * width + (map % across) * (columns + 1);
      for (let y = 0, at = map; y < rows; y++) {
        for (let x = 0; x < columns; x++, at += maps) pixels[corner + y * width + x] = packed[shadeOf(values[at], limit)];
      }
    }
  }
  context.putImageData(image, 0, 0);
}

// 128 shades on each side of zero are enough, and fast.
const SHADES = 128, palettes = new Map();
const shadeOf = (value, limit) => Math.max(0, Math.min(2 * SHADES, SHADES + Math.round((SHADES * value) / (limit || 1))));

// {colours, packed}: the shades as [red, green, blue], and as the 32 bits of a pixel.
function paletteOf(ink) {
  const key = `${ink} ${isDark()}`;
  if (!palettes.has(key)) {
    const colours = Array.from({ length: 2 * SHADES + 1 }, (_, i) => {
      const value = (i - SHADES) / SHADES;
      return ink ? greyOf(Math.max(0, 1 - value), 0, 1) : colourOf(value, 1);
    });
    const packed = Uint32Array.from(colours, ([red, green, blue]) => ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0);
    palettes.set(key, { colours, packed });
  }
  return palettes.get(key);
}

// A sheet that is redrawn often takes its colours from the palette.
function useShades(sheet) {
  sheet.colour = (value) => paletteOf(false).colours[shadeOf(value, sheet.limit)];
}
