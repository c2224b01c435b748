// Sliding windows: sizes and padding along an axis, as `scratchcnn.geometry`.

const sizeOfShape = (shape) => shape.reduce((product, length) => product * length, 1);

// (H, W, C) of images (H, W, C) or (H, W); an error for other samples.
function imageShapeOf(shape) {
  const [height, width, channels = 1] = shape;
  if (shape.length < 2 || shape.length > 3) throw new Error(`Expected images, received samples of shape ${shape}.`);
  return [height, width, channels];
}

function windowsAlong(size, kernel, stride, dilation, padding) {
  const span = (kernel - 1) * dilation + 1;
  const valid = padding === "valid";
  const output = valid ? Math.floor((size - span) / stride) + 1 : Math.ceil(size / stride);
  const total = valid ? 0 : Math.max((output - 1) * stride + span - size, 0); // positions of padding
  return { size, kernel, stride, dilation, before: total >> 1, output };
}

// {rows, columns} of windows over images (H, W, C).
function windowsOver2d([height, width], kernel, strides, dilation, padding) {
  return {
    rows: windowsAlong(height, kernel[0], strides[0], dilation[0], padding),
    columns: windowsAlong(width, kernel[1], strides[1], dilation[1], padding),
  };
}
