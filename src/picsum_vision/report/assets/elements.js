// Elements are made here and nowhere else: whatever a table holds becomes text or an attribute's value, never markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined).map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

const make = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const drawn = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// A link only to what a browser shows as a page or picture: an address from a table may be anything.
function safeLink(address) {
  let url;
  try { url = new URL(address); } catch { return null; }
  return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
}

function option(value, text, chosen) {
  const element = make("option", { value }, text);
  element.selected = value === chosen;
  return element;
}

// Rows of cells; the columns named in `counts` are numbers.
function table(caption, heads, rows, counts = []) {
  const cellClass = (column) => (counts.includes(column) ? "count" : null);
  return make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": caption }, make("table", {},
    make("caption", {}, caption),
    make("thead", {}, make("tr", {}, ...heads.map((head, column) => make("th", { scope: "col", class: cellClass(column) }, head)))),
    make("tbody", {}, ...rows.map((cells) => make("tr", {}, ...cells.map((cell, column) => make("td", { class: cellClass(column) }, cell ?? "–")))))));
}
