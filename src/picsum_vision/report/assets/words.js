// Italian and English: words, numbers, sizes and moments as each writes them.

const WORDS = readJson(byId("words"));
const redrawing = [];
let language = "en";

const remembered = (name) => { try { return localStorage.getItem(`picsum-vision.${name}`); } catch { return null; } };
// A notebook's frame has no storage: the choice then lasts as long as the page.
const remember = (name, value) => { try { localStorage.setItem(`picsum-vision.${name}`, value); } catch { return; } };

function word(key, values = {}) {
  return WORDS[language][key].replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

function onLanguage(draw) { redrawing.push(draw); }

function setLanguage(chosen) {
  language = chosen in WORDS ? chosen : "en";
  document.documentElement.lang = language;
  document.title = word("title");
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = word(element.dataset.word);
  for (const element of document.querySelectorAll("[data-word-label]")) element.setAttribute("aria-label", word(element.dataset.wordLabel));
  for (const element of document.querySelectorAll("[data-word-placeholder]")) element.placeholder = word(element.dataset.wordPlaceholder);
  redrawing.forEach((draw) => draw());
}

const number = (value, digits = 0) => new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);
const rate = (value) => number(value, value < 10 ? 2 : 1);
const percent = (share) => new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 }).format(share);
const moment = (us) => new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" }).format(us / 1000);
const clock = (us) => new Intl.DateTimeFormat(language, { timeStyle: "medium" }).format(us / 1000);

function bytes(value) {
  const [unit, size] = [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]].find(([, step]) => value >= step) ?? ["B", 1];
  return `${number(value / size, value / size < 100 && size > 1 ? 1 : 0)} ${unit}`;
}

function duration(ms) {
  return ms < 1000 ? `${number(ms)} ms` : `${number(ms / 1000, ms < 100_000 ? 1 : 0)} s`;
}
