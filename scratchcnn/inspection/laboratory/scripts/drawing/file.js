// Your own image file. The browser decodes it; it is not sent anywhere.

const LARGEST_FILE_SIDE = 3000; // pixels of the longer side; larger photos are reduced when they are decoded

async function pixelsOfFile(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error(`The browser cannot read ${file.name} as an image: use a PNG or JPEG file.`);
  }
  const scale = Math.min(1, LARGEST_FILE_SIDE / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  const canvas = Object.assign(document.createElement("canvas"), { width, height }), context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0, width, height);
  return { pixels: context.getImageData(0, 0, width, height), canvas };
}
