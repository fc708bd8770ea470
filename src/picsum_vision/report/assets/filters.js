// Which rows are shown, and in which order.

const wanted = { query: "", status: "", label: "", sort: "address", page: 0 };
let matching = ROWS;

const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const searchable = [];

function searchText(row) {
  if (searchable[row.index] === undefined) {
    const failure = failureOf(row)?.outcome;
    searchable[row.index] = plain([row.readable ?? row.text, row.url, ...(row.labels ?? []), failure?.status, failure?.message].filter(Boolean).join("\n"));
  }
  return searchable[row.index];
}

const collator = new Intl.Collator(undefined, { numeric: true });
const textOf = (row) => row.readable ?? row.text ?? "";
const largestFirst = (value) => (one, other) => value(other) - value(one) || one.index - other.index;
// By the stage first, then by what went wrong there: rows with the same trouble stand together.
function troubleOf(row) {
  const failure = failureOf(row);
  return failure === null ? "" : `${failure.stage === "download" ? 1 : 2} ${failure.outcome.status} ${failure.outcome.http_status ?? ""}`;
}
const ORDERS = {
  address: (one, other) => one.index - other.index,
  text: (one, other) => (textOf(one) === "") - (textOf(other) === "") || collator.compare(textOf(one), textOf(other)),
  newest: largestFirst(finishedUs),
  slowest: largestFirst(elapsedMs),
  largest: largestFirst((row) => row.download?.bytes ?? 0),
  longest: largestFirst((row) => textOf(row).length),
  trouble: (one, other) => (troubleOf(one) === "") - (troubleOf(other) === "") || collator.compare(troubleOf(one), troubleOf(other)) || one.index - other.index,
};
const sorted = new Map([["address", ROWS]]);

function inOrder(sort) {
  if (!sorted.has(sort)) sorted.set(sort, [...ROWS].sort(ORDERS[sort]));
  return sorted.get(sort);
}

function statusMatches(row) {
  if (wanted.status === "") return true;
  if (wanted.status === "ok") return failureOf(row) === null;
  if (wanted.status === "failed") return failureOf(row) !== null;
  const [stage, status] = wanted.status.split(":");
  return row[stage]?.status === status;
}

function applyFilters() {
  const words = plain(wanted.query).split(/\s+/).filter(Boolean);
  matching = inOrder(wanted.sort).filter((row) => statusMatches(row)
    && (wanted.label === "" || (row.labels?.includes(wanted.label) ?? false))
    && words.every((each) => searchText(row).includes(each)));
}

function counted(values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([one, few], [other, many]) => many - few || (one < other ? -1 : 1));
}

const withCount = (text, count) => `${text} (${number(count)})`;
const MOST_LABELS = 300;

function drawStatusOptions() {
  const failed = ROWS.filter((row) => failureOf(row) !== null).length;
  const groups = ["download", "describe"].map((stage) => {
    const counts = counted(ROWS.map((row) => row[stage]?.status).filter((status) => status && status !== "ok"));
    if (!counts.length) return null;
    return make("optgroup", { label: word(`status_${stage}`) }, ...counts.map(([status, count]) => option(`${stage}:${status}`, withCount(status, count), wanted.status)));
  });
  byId("status").replaceChildren(
    option("", withCount(word("status_all"), ROWS.length), wanted.status),
    option("ok", withCount(word("status_ok"), ROWS.length - failed), wanted.status),
    option("failed", withCount(word("status_failed"), failed), wanted.status),
    ...groups.filter((group) => group !== null));
}

function drawLabelOptions() {
  const counts = counted(ROWS.flatMap((row) => row.labels ?? [])).slice(0, MOST_LABELS);
  byId("label-field").hidden = counts.length === 0;
  byId("label").replaceChildren(option("", word("label_all"), wanted.label), ...counts.map(([label, count]) => option(label, withCount(label, count), wanted.label)));
}

function drawSortOptions() {
  byId("sort").replaceChildren(...Object.keys(ORDERS).map((sort) => option(sort, word(`sort_${sort}`), wanted.sort)));
}

function setFilter(change) {
  Object.assign(wanted, { page: 0 }, change);
  applyFilters();
  drawPage();
}

function setUpFilters() {
  onLanguage(() => { drawStatusOptions(); drawLabelOptions(); drawSortOptions(); });
  byId("search").addEventListener("input", (event) => setFilter({ query: event.target.value }));
  for (const name of ["status", "label", "sort"]) byId(name).addEventListener("change", (event) => setFilter({ [name]: event.target.value }));
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("reset", (event) => {
    event.preventDefault();
    byId("search").value = byId("status").value = byId("label").value = "";
    byId("sort").value = "address";
    setFilter({ query: "", status: "", label: "", sort: "address" });
  });
  // The texts are made searchable while nobody waits, so that the first letter finds as quickly as the second.
  const later = window.requestIdleCallback ?? ((work) => setTimeout(work, 200));
  later(() => ROWS.forEach(searchText));
}
