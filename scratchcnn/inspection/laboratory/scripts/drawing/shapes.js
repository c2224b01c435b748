// Shapes: connected strokes of ink, without frames around a digit, as scratchcnn/preprocessing/shapes.py finds them.

const CORE = 0.5, SPECK = 0.03, CONTACT = 0.3, MOST_FRAMES = 8, ROUND = 0.93, INSIDE = 0.3;

// {top, left, mask, contact}: a mask within its bounding box, and how many of its pixels lie on the image's border.
const shapeAt = (top, left, mask, contact) => ({
  top, left, mask, contact, height: mask.height, width: mask.width, area: countOf(mask.values),
  isEdge: contact > CONTACT * 2 * (mask.height + mask.width),
});
const countOf = (values) => values.reduce((sum, value) => sum + (value ? 1 : 0), 0);

// The largest components above `level` that contain strong ink.
function findShapes(ink, level, most) {
  const { height, width, values } = ink, strong = countOf(values.map((value) => (value > CORE ? 1 : 0)));
  if (strong < Math.max(4, 1e-4 * values.length)) throw new NoDigit("There is too little ink: draw a larger digit.");
  const least = Math.min(level, CORE);
  const { labels, count } = components(picture(height, width, values.map((value) => (value > least ? 1 : 0))));
  const strongest = new Float32Array(count + 1);
  labels.forEach((label, i) => { if (label && values[i] > strongest[label]) strongest[label] = values[i]; });
  const kept = insideFrame({ height, width, labels: labels.map((label) => (label && strongest[label] > CORE ? label : 0)) });
  const boxes = boxesOf(kept, count), order = [...boxes.keys()].sort((a, b) => boxes.get(b).area - boxes.get(a).area || a - b);
  const largest = order.length ? boxes.get(order[0]).area : 0;
  return order.slice(0, most).filter((label) => boxes.get(label).area >= Math.max(1, SPECK * largest)).map((label) => {
    const box = boxes.get(label);
    return shapeAt(box.top, box.left, maskOf(kept, box, (each) => each === label), contactOf(kept, label));
  });
}

// The bounding box and the area of each component.
function boxesOf({ width, labels }) {
  const boxes = new Map();
  labels.forEach((label, i) => {
    if (!label) return;
    const y = Math.floor(i / width), x = i % width, box = boxes.get(label);
    if (!box) boxes.set(label, { top: y, left: x, bottom: y + 1, right: x + 1, area: 1 });
    else {
      box.bottom = y + 1;
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x + 1);
      box.area++;
    }
  });
  return new Map([...boxes].sort(([a], [b]) => a - b));
}

function maskOf({ width, labels }, { top, left, bottom, right }, chosen) {
  const mask = picture(bottom - top, right - left);
  for (let y = top, to = 0; y < bottom; y++) for (let x = left; x < right; x++, to++) mask.values[to] = chosen(labels[y * width + x]) ? 1 : 0;
  return mask;
}

function contactOf({ height, width, labels }, label) {
  let contact = 0;
  for (let x = 0; x < width; x++) contact += (labels[x] === label) + (labels[(height - 1) * width + x] === label);
  for (let y = 1; y < height - 1; y++) contact += (labels[y * width] === label) + (labels[y * width + width - 1] === label);
  return contact;
}

function unionOf(one, other) {
  const top = Math.min(one.top, other.top), left = Math.min(one.left, other.left);
  const bottom = Math.max(one.top + one.height, other.top + other.height), right = Math.max(one.left + one.width, other.left + other.width);
  const mask = picture(bottom - top, right - left);
  for (const shape of [one, other]) {
    for (let y = 0; y < shape.height; y++) {
      for (let x = 0; x < shape.width; x++) if (shape.mask.values[y * shape.width + x]) mask.values[(y + shape.top - top) * mask.width + x + shape.left - left] = 1;
    }
  }
  return shapeAt(top, left, mask, one.contact + other.contact);
}

const sizeOfBox = (box) => Math.max(box.bottom - box.top, box.right - box.left);

// Removes boxes and circles around a digit; where a digit touches its frame, only the frame's outline.
function insideFrame(image) {
  const boxes = boxesOf(image), result = { ...image, labels: image.labels.slice() };
  const order = [...boxes.keys()].sort((a, b) => sizeOfBox(boxes.get(b)) - sizeOfBox(boxes.get(a)) || a - b);
  for (const label of order.slice(0, MOST_FRAMES)) {
    const box = boxes.get(label), frame = maskOf(image, box, (each) => each === label), solid = withoutHoles(frame);
    const sides = [box.bottom - box.top, box.right - box.left];
    const least = INSIDE * Math.min(Math.max(...sides), 1.5 * Math.min(...sides));
    const erase = (chosen) => solid.values.forEach((_, i) => {
      if (chosen(i)) result.labels[(box.top + Math.floor(i / solid.width)) * image.width + box.left + (i % solid.width)] = 0;
    });
    const others = maskOf(image, box, (each) => each !== 0 && each !== label && sizeOfBox(boxes.get(each)) >= least);
    if (others.values.some((value, i) => value && solid.values[i])) erase((i) => frame.values[i]);
    else if (isRectangleOrCircle(solid)) {
      const rest = insideOfOutline(solid, frame), { labels, count } = components(rest);
      const found = count ? [...boxesOf({ width: rest.width, labels }).values()] : [];
      if (found.some((each) => each.bottom - each.top >= least)) erase((i) => frame.values[i] && !rest.values[i]);
    }
  }
  return result;
}

function isRectangleOrCircle(solid) {
  const { height, width, values } = solid, along = (at, size) => (size > 1 ? (2 * at) / (size - 1) - 1 : -1);
  let both = 0, either = 0;
  values.forEach((value, i) => {
    const disc = Math.hypot(along(Math.floor(i / width), height), along(i % width, width)) <= 1;
    if (value && disc) both++;
    if (value || disc) either++;
  });
  return countOf(values) > 0.9 * values.length || (both > ROUND * either && 0.85 < width / height && width / height < 1.18);
}

// The pixels of the frame deeper than its outline, which ends at the depth where little is inked.
function insideOfOutline(solid, frame) {
  const depth = depths(solid).values.map(Math.ceil), deepest = largestOf(depth);
  const inked = new Float64Array(deepest + 1), all = new Float64Array(deepest + 1);
  depth.forEach((at, i) => {
    if (solid.values[i]) all[at]++;
    if (frame.values[i]) inked[at]++;
  });
  let thickness = 1;
  while (thickness <= deepest && inked[thickness] >= 0.5 * Math.max(1, all[thickness])) thickness++;
  if (thickness > deepest) thickness = deepest;
  return picture(frame.height, frame.width, frame.values.map((value, i) => (value && depth[i] > thickness + 1 ? 1 : 0)));
}
