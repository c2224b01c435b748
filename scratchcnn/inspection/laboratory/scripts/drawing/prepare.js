// From a picture to the network's image: what scratchcnn.preprocessing.read_digit does with a clean drawing.
//
// Not included are the steps for photos that a drawing does not need: paper with shadows, ruled lines, and cards.

// {image, even}: 784 values, 0 is paper and 1 is ink. Throws NoDigit with a message for the user.
function prepare(pixels, dark = null) {
  const { ink, isDark, noise, even } = findInk(greyLevels(pixels), dark);
  return { image: findDigit(ink, noise).image.values, isDark, even };
}
