// Flat indices of arrays in C order, and positions along their axes.

const sizeOf = (shape) => shape.reduce((product, length) => product * length, 1);

function unravel(index, shape) {
  const place = [];
  for (const length of [...shape].reverse()) {
    place.unshift(index % length);
    index = Math.floor(index / length);
  }
  return place;
}

const ravel = (place, shape) => shape.reduce((index, length, axis) => index * length + place[axis], 0);
