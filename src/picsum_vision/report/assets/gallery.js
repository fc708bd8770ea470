// One page of cards. However many images there are, only these are in the document.

const PAGE_ROWS = 60;

const pageCount = () => Math.max(1, Math.ceil(matching.length / PAGE_ROWS));
const titleOf = (row) => row.url ?? word("nameless", { number: number(row.index + 1) });

function reasonOf(row) {
  const outcome = failureOf(row)?.outcome;
  if (!outcome) return word(row.describe?.status === "ok" ? "no_text" : "unknown");
  return outcome.http_status ? `${outcome.status} (HTTP ${outcome.http_status})` : outcome.status;
}

// What a picture is called for whoever does not see it: its description.
const nameOf = (row) => textOf(row) || word("no_description", { reason: reasonOf(row) });

function pictureOf(row) {
  const picture = thumbnailOf(row);
  return picture === null ? null : make("img", { src: picture, alt: nameOf(row), decoding: "async" });
}

function labelChips(row, most) {
  const labels = (row.labels ?? []).filter((label) => label !== row.text).slice(0, most);
  return labels.length ? make("span", { class: "chips" }, ...labels.map((label) => make("span", { dir: "auto" }, label))) : null;
}

function card(row, place) {
  const picture = pictureOf(row);
  const failed = !textOf(row);
  const text = make("span", { class: failed ? "text bad" : "text", dir: "auto" }, nameOf(row));
  // The picture's own text says the same: read out once is enough.
  const words = make("span", { class: "words", "aria-hidden": picture ? "true" : null }, text, row.readable ? null : labelChips(row, 4), make("span", { class: "where" }, titleOf(row)));
  const button = make("button", { type: "button", class: "card", "aria-haspopup": "dialog" }, make("span", { class: "frame" }, picture ?? word("no_picture")), words);
  button.addEventListener("click", () => openLarge(place));
  return make("li", {}, button);
}

function pageButton(sign, key, target) {
  const button = make("button", { type: "button", "aria-label": word(key) }, sign);
  button.disabled = target < 0 || target >= pageCount() || target === wanted.page;
  button.addEventListener("click", () => { turnTo(target); keepFocus(button, key); });
  button.dataset.key = key;
  return button;
}

// The buttons are drawn anew with each page: focus stays on the one that was pressed, or goes to one that can be.
function keepFocus(button, key) {
  const place = button.dataset.above === "true" ? 0 : 1;
  const buttons = [...document.querySelectorAll(".pages")[place].querySelectorAll("button")];
  const again = buttons.find((each) => each.dataset.key === key && !each.disabled) ?? buttons.find((each) => !each.disabled);
  again?.focus();
}

function drawPages() {
  document.querySelectorAll(".pages").forEach((nav, place) => {
    nav.hidden = pageCount() === 1;
    nav.replaceChildren(
      pageButton("«", "first", 0), pageButton("‹", "previous", wanted.page - 1),
      make("span", {}, word("page", { page: number(wanted.page + 1), pages: number(pageCount()) })),
      pageButton("›", "next", wanted.page + 1), pageButton("»", "last", pageCount() - 1));
    nav.querySelectorAll("button").forEach((button) => { button.dataset.above = String(place === 0); });
  });
}

function drawPage() {
  wanted.page = Math.min(Math.max(0, wanted.page), pageCount() - 1);
  const first = wanted.page * PAGE_ROWS;
  const rows = matching.slice(first, first + PAGE_ROWS);
  byId("cards").replaceChildren(...rows.map((row, place) => card(row, first + place)));
  byId("shown").textContent = rows.length
    ? word("shown", { from: number(first + 1), to: number(first + rows.length), number: number(matching.length) })
    : word("shown_none");
  drawPages();
}

function turnTo(page) {
  wanted.page = page;
  drawPage();
  byId("filters").scrollIntoView({ block: "nearest" });
}

function focusCard(place) {
  if (place < 0 || place >= matching.length) return;
  const page = Math.floor(place / PAGE_ROWS);
  if (page !== wanted.page) turnTo(page);
  byId("cards").children[place % PAGE_ROWS].firstElementChild.focus();
}

function setUpGallery() {
  onLanguage(() => {
    const { of_rows: ofRows } = DATA.gallery;
    byId("sample").hidden = ofRows <= ROWS.length;
    byId("sample").textContent = word("sample", { rows: number(ROWS.length), of_rows: number(ofRows) });
    drawPage();
  });
}
