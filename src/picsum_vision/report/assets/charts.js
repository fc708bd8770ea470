// Bars. The drawing stretches with the page; all its words stand beside it as text, so that they stay readable on a phone.

const HEIGHT = 100;

// `bars` are lists of [class, value] from the ground upwards, with a text each; `axis` the words below.
function barChart({ summary, bars, texts, top, axis }) {
  const highest = Math.max(...bars.map((parts) => parts.reduce((sum, [, value]) => sum + value, 0)), Number.EPSILON);
  const shapes = bars.map((parts, place) => {
    let y = HEIGHT;
    const group = drawn("g", {}, drawn("title", {}, texts[place]));
    for (const [kind, value] of parts) {
      const height = (HEIGHT * value) / highest;
      y -= height;
      group.append(drawn("rect", { class: kind, x: place + 0.06, y, width: 0.88, height }));
    }
    return group;
  });
  const svg = drawn("svg", { viewBox: `0 0 ${bars.length} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": summary }, ...shapes);
  return make("figure", { class: "chart" }, make("p", { class: "top-value" }, top), svg, make("div", { class: "axis" }, ...axis.map((text) => make("p", {}, text))));
}

// One line: ok and failed, side by side.
function shareBar(ok, failed) {
  const all = ok + failed || 1;
  const svg = drawn("svg", { viewBox: `0 0 ${all} 1`, preserveAspectRatio: "none", role: "img", "aria-label": `${word("ok")} ${percent(ok / all)}, ${word("failed")} ${percent(failed / all)}` },
    drawn("rect", { class: "bar-ok", x: 0, y: 0, width: ok, height: 1 }), drawn("rect", { class: "bar-failed", x: ok, y: 0, width: failed, height: 1 }));
  return make("div", { class: "share chart" }, svg);
}
