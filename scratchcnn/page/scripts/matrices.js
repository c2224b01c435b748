// Small matrices of values in coloured cells.

// options: title, rows (lists of {text, value, outside, marked, go}), limit
function matrix({ title, rows, limit }) {
  const body = make("tbody"), unit = unitOf(limit);
  for (const row of rows) {
    const line = make("tr");
    for (const each of row) {
      const cellElement = make("td", each.outside ? { class: "outside" } : {}, each.text ?? unit.text(each.value));
      if (!each.outside) paint(cellElement, each.value, limit);
      if (each.marked) cellElement.classList.add("marked");
      line.append(cellElement);
    }
    body.append(line);
  }
  const outside = rows.some((row) => row.some((each) => each.outside)) ? "; hatched: padding" : "";
  return make("table", { class: "matrix" }, title || outside ? make("caption", {}, (title + unit.words + outside).replace(/^; /, "")) : null, body);
}

// A list of cells as rows of that width.
function inRows(cells, width) {
  const rows = [];
  for (let start = 0; start < cells.length; start += width) rows.push(cells.slice(start, start + width));
  return rows;
}

const operator = (sign) => make("span", { class: "operator", "aria-hidden": "true" }, sign);
