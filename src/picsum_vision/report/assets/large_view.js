// One image with everything that is known of it.

const large = byId("large");
let largePlace = 0;

const SHOWN = {
  bytes: bytes, image_bytes_sent: bytes, elapsed_ms: duration, finished_at: moment,
  ...Object.fromEntries(["attempts", "width", "height", "input_tokens", "output_tokens"].map((name) => [name, (value) => number(value)])),
};

function outcomeFields(heading, outcome) {
  if (!outcome) return [];
  const fields = Object.entries(outcome).flatMap(([name, value]) => [make("dt", {}, name), make("dd", { dir: "auto" }, SHOWN[name] ? SHOWN[name](value) : value)]);
  return [make("h3", {}, heading), make("dl", { class: "fields" }, ...fields)];
}

function addressOf(row) {
  // What was cut off would not open.
  const link = row.url === undefined || row.url.endsWith("?redacted") ? null : safeLink(row.url);
  return link === null ? null : make("p", {}, make("a", { href: link, target: "_blank", rel: "noopener noreferrer" }, word("at_source")));
}

// What a typed answer holds; null for free text, and for what is no JSON after all.
function typedAnswerOf(row) {
  if (!row.readable) return null;
  try { return JSON.parse(row.text); } catch { return null; }
}

function answerOf(row) {
  const answer = typedAnswerOf(row);
  if (answer === null) return [make("p", { class: textOf(row) ? "large-text" : "large-text bad", dir: "auto" }, nameOf(row)), labelChips(row)];
  if (Array.isArray(answer)) return [labelChips(row) ?? make("p", { class: "large-text", dir: "auto" }, row.readable)];
  const shown = (value) => (value !== null && typeof value === "object" ? JSON.stringify(value, null, 1) : String(value));
  return [make("dl", { class: "fields" }, ...Object.entries(answer).flatMap(([name, value]) => [make("dt", {}, name), make("dd", { dir: "auto" }, shown(value))]))];
}

function drawLarge() {
  const row = matching[largePlace];
  byId("large-place").textContent = word("place", { place: number(largePlace + 1), number: number(matching.length) });
  byId("large-previous").disabled = largePlace === 0;
  byId("large-next").disabled = largePlace === matching.length - 1;
  const picture = pictureOf(row) ?? make("div", { class: "frame" }, word("no_picture"));
  byId("large-body").replaceChildren(
    make("div", {}, picture),
    fill(make("div"), {}, [
      make("h2", { id: "large-title" }, titleOf(row)), ...answerOf(row), addressOf(row),
      ...outcomeFields(word("download"), row.download), ...outcomeFields(word("describe"), row.describe),
    ]));
  byId("large-body").scrollTop = 0;
}

function openLarge(place) {
  largePlace = place;
  drawLarge();
  if (!large.open) large.showModal();
  byId("large-body").focus();
}

function stepLarge(step) {
  const place = largePlace + step;
  if (place < 0 || place >= matching.length) return;
  largePlace = place;
  drawLarge();
}

function setUpLargeView() {
  byId("large-close").addEventListener("click", () => large.close());
  byId("large-previous").addEventListener("click", () => stepLarge(-1));
  byId("large-next").addEventListener("click", () => stepLarge(1));
  large.addEventListener("click", (event) => { if (event.target === large) large.close(); });
  large.addEventListener("close", () => focusCard(largePlace));
  onLanguage(() => { if (large.open) drawLarge(); });
}
