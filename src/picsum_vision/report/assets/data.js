// The page's data: rows, and their thumbnails in blocks that are read when one of their pictures is shown.

const readJson = (element) => JSON.parse(element.textContent);
const byId = (id) => document.getElementById(id);

const DATA = readJson(byId("data"));
const ROWS = DATA.gallery.rows;
ROWS.forEach((row, index) => { row.index = index; });

const thumbnailBlocks = [...document.querySelectorAll("script.thumbnails")];
const readBlocks = new Map();

function thumbnailOf(row) {
  const number = Math.floor(row.index / DATA.thumbnails_a_block);
  if (!readBlocks.has(number)) readBlocks.set(number, readJson(thumbnailBlocks[number]));
  const picture = readBlocks.get(number)[row.index % DATA.thumbnails_a_block];
  if (picture === null) return null;
  return `data:image/${picture.startsWith("UklG") ? "webp" : "jpeg"};base64,${picture}`;
}

// The stage that failed and its outcome; null where all is well. Rows of the notebook's own have no outcome: they are done.
function failureOf(row) {
  for (const stage of ["download", "describe"]) {
    const outcome = row[stage];
    if (outcome && outcome.status && outcome.status !== "ok") return { stage, outcome };
  }
  return null;
}

const finishedUs = (row) => Math.max(row.download?.finished_at ?? 0, row.describe?.finished_at ?? 0);
const elapsedMs = (row) => (row.download?.elapsed_ms ?? 0) + (row.describe?.elapsed_ms ?? 0);
