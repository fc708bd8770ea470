// Keys: / searches, arrows move among pictures, in the large view to the next one. Enter and Esc are the browser's own.

const isTyping = (element) => ["INPUT", "SELECT", "TEXTAREA"].includes(element.tagName);

function columnCount() {
  const cards = [...byId("cards").children];
  const second = cards.findIndex((each) => each.offsetTop > cards[0].offsetTop);
  return second < 0 ? cards.length : second;
}

function moveAmongCards(event) {
  const current = event.target.closest(".card");
  if (current === null) return;
  const place = wanted.page * PAGE_ROWS + [...byId("cards").children].indexOf(current.parentElement);
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columnCount(), ArrowDown: columnCount() };
  if (!(event.key in steps)) return;
  event.preventDefault();
  focusCard(place + steps[event.key]);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (large.open) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) { event.preventDefault(); stepLarge(step); }
    return;
  }
  if (event.key === "/" && !isTyping(event.target)) {
    event.preventDefault();
    if (tabs.length) showTab("gallery");
    byId("search").focus();
    return;
  }
  moveAmongCards(event);
}

const setUpKeyboard = () => document.addEventListener("keydown", onKey);
