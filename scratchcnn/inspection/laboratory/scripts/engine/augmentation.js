// Augmentation: images that are shifted, rotated and scaled at random, as drawn digits differ from each other.

// Maps each pixel of `images` (count, H, W, C) or (count, H, W) through a random affine map of its image; outside it is 0.
// shift is in pixels, degrees the largest angle, zoom the largest relative change of size.
function augmentImages(images, count, shape, random, { shift = 2, degrees = 10, zoom = 0.1 } = {}) {
  const [height, width, channels] = imageShapeOf(shape);
  const result = new Float64Array(images.length), between = (limit) => (2 * random.uniform() - 1) * limit;
  for (let n = 0; n < count; n++) {
    const angle = (between(degrees) * Math.PI) / 180, scale = 1 / (1 + between(zoom));
    const cosine = Math.cos(angle) * scale, sine = Math.sin(angle) * scale, down = between(shift), right = between(shift);
    const middle = [(height - 1) / 2, (width - 1) / 2], start = n * height * width * channels;
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const y = row - middle[0] - down, x = column - middle[1] - right;
        const from = [cosine * y - sine * x + middle[0], sine * y + cosine * x + middle[1]];
        addInterpolated(result, start + (row * width + column) * channels, images, start, from, height, width, channels);
      }
    }
  }
  return result;
}

// Adds to result[to + c] the value of an image between four pixels, by bilinear interpolation.
function addInterpolated(result, to, images, start, [y, x], height, width, channels) {
  const top = Math.floor(y), left = Math.floor(x);
  for (let row = top; row <= top + 1; row++) {
    for (let column = left; column <= left + 1; column++) {
      if (row < 0 || row >= height || column < 0 || column >= width) continue;
      const share = (1 - Math.abs(y - row)) * (1 - Math.abs(x - column)), at = start + (row * width + column) * channels;
      for (let c = 0; c < channels; c++) result[to + c] += share * images[at + c];
    }
  }
}
