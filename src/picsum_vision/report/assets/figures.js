// The run's figures, as tiles above and as tables and charts in a view of their own.

const STAGES = ["download", "describe"];
const STAGE_WORDS = { download: "downloaded", describe: "described" };

const rowsOf = (stage) => Object.values(stage.by_status).reduce((sum, rows) => sum + rows, 0);
const okOf = (stage) => stage.by_status.ok ?? 0;
const sum = (values) => values.reduce((all, value) => all + value, 0);

function rateOf(stage) {
  const told = stage.throughput;
  return told && told.seconds > 0 ? (sum(told.ok) + sum(told.failed)) / told.seconds : null;
}

function tile(name, value, more, kind = "") {
  const rest = more === null ? null : make("dd", { class: `more ${kind}` }, more);
  return make("div", { class: "tile" }, make("dt", {}, name), make("dd", { class: "number" }, value), rest);
}

function stageTile(figures, name) {
  const stage = figures[name];
  const failed = rowsOf(stage) - okOf(stage);
  const missing = Math.max(0, figures.asked - rowsOf(stage));
  const told = [failed ? word("failed_of", { failed: number(failed) }) : word("none_failed")];
  if (missing) told.push(word("missing_of", { missing: number(missing) }));
  return tile(word(STAGE_WORDS[name]), number(okOf(stage)), told.join(", "), failed ? "bad" : "");
}

function drawTiles(figures) {
  const { download, describe } = figures;
  const [down, said] = [rateOf(download), rateOf(describe)];
  byId("tiles").replaceChildren(...[
    tile(word("asked"), number(figures.asked), null),
    ...STAGES.map((name) => stageTile(figures, name)),
    down === null ? null : tile(word("speed"), rate(down), said === null ? null : word("speed_of", { rate: rate(said) })),
    download.bytes ? tile(word("bytes_total"), bytes(download.bytes), null) : null,
    describe.input_tokens === null ? null : tile(word("tokens"), number(describe.input_tokens + (describe.output_tokens ?? 0)),
      word("tokens_of", { input: number(describe.input_tokens), output: number(describe.output_tokens ?? 0) })),
    figures.cost === null ? null : tile(word("cost"), number(figures.cost, 4), word("cost_of")),
  ].filter((made) => made !== null));
}

function statusPanel(figures, name) {
  const stage = figures[name];
  const rows = rowsOf(stage);
  const counted = Object.entries(stage.by_status).map(([status, count]) => [status, number(count), percent(count / rows), stage.words[status] ?? ""]);
  const reasons = stage.reasons.map((each) => [each.status, each.http_status, each.message, number(each.rows)]);
  return make("div", { class: "panel" },
    make("h3", {}, word(name)),
    shareBar(okOf(stage), rows - okOf(stage)),
    table(`${word(name)}: ${word("outcomes")}`, [word("status"), word("rows"), word("share"), word("meaning")], counted, [1, 2]),
    reasons.length ? table(`${word(name)}: ${word("reasons")}`, [word("status"), word("http_status"), word("reason"), word("rows")], reasons, [3]) : make("p", {}, word("all_ok")));
}

function throughputPanel(figures, name) {
  const told = figures[name].throughput;
  const panel = make("div", { class: "panel" }, make("h3", {}, word(name)));
  if (!told) return fill(panel, {}, [make("p", { class: "quiet" }, word("nothing"))]);
  const rows = sum(told.ok) + sum(told.failed);
  const note = word("throughput_note", { rows: number(rows), seconds: number(told.seconds, 1), rate: rate(rows / (told.seconds || 1)), bar: number(told.bar_s, 2) });
  const highest = Math.max(...told.ok.map((ok, bar) => ok + told.failed[bar])) / told.bar_s;
  const chart = barChart({
    summary: `${word("throughput")}, ${word(name)}. ${note}`,
    bars: told.ok.map((ok, bar) => [["bar-ok", ok], ["bar-failed", told.failed[bar]]]),
    texts: told.ok.map((ok, bar) => `${clock(told.from_us + bar * told.bar_s * 1e6)}: ${word("ok")} ${number(ok)}, ${word("failed")} ${number(told.failed[bar])}`),
    top: `${rate(highest)} ${word("throughput_axis")}`,
    axis: [clock(told.from_us), clock(told.from_us + told.seconds * 1e6)],
  });
  const others = told.other_rows ? make("p", { class: "quiet" }, word("throughput_others", { rows: number(told.other_rows) })) : null;
  return fill(panel, {}, [make("p", {}, note), chart, others]);
}

function latencyPanel(figures, name) {
  const told = figures[name].latency;
  const panel = make("div", { class: "panel" }, make("h3", {}, word(name)));
  if (!told) return fill(panel, {}, [make("p", { class: "quiet" }, word("nothing"))]);
  const note = word("latency_note", Object.fromEntries(["p50", "p90", "p95", "p99", "max"].map((key) => [key, duration(told[key])])));
  const last = told.bins.at(-1).from_ms * Math.SQRT2;
  const chart = barChart({
    summary: `${word("latency")}, ${word(name)}. ${note}`,
    bars: told.bins.map((bin) => [["bar", bin.rows]]),
    texts: told.bins.map((bin) => `${duration(bin.from_ms)} – ${duration(bin.from_ms * Math.SQRT2)}: ${number(bin.rows)}`),
    top: `${number(Math.max(...told.bins.map((bin) => bin.rows)))} ${word("rows")}`,
    axis: [duration(told.bins[0].from_ms), duration(Math.sqrt(told.bins[0].from_ms * last)), duration(last)],
  });
  return fill(panel, {}, [make("p", {}, note), chart]);
}

function modelsPanel(figures) {
  if (!figures.models.length) return make("p", { class: "quiet" }, word("nothing"));
  const or = (value, show) => (value === null ? null : show(value));
  const priced = figures.models.some((model) => model.cost !== null);
  const heads = ["model", "task", "rows", "attempts", "input_tokens", "output_tokens", "bytes_sent", ...(priced ? ["cost"] : [])].map((key) => word(key));
  const rows = figures.models.map((model) => [model.model, model.task, number(model.rows), or(model.attempts, number), or(model.input_tokens, number),
    or(model.output_tokens, number), or(model.image_bytes_sent, bytes), ...(priced ? [or(model.cost, (cost) => number(cost, 4))] : [])]);
  const hint = !priced && figures.describe.input_tokens !== null ? make("p", { class: "quiet" }, word("no_prices")) : null;
  return fill(make("div", { class: "panel" }), {}, [table(word("tokens_cost"), heads, rows, [2, 3, 4, 5, 6, 7]), hint]);
}

// The measures have their rules beside them; spreads follow.
function qualityPanel(quality) {
  const spread = (values, show) => values.map((value) => show(value)).join(" · ");
  const [images, answers] = [quality.images, quality.answers];
  const measures = quality.measures.map((each) => [word(`quality_${each.name}`), each.name.endsWith("_share") ? percent(each.value) : number(each.value), each.rule]);
  const rows = [];
  if (images) {
    for (const [key, field, show] of [["file_size", "bytes", bytes], ["width", "width", number], ["height", "height", number]]) {
      if (images[field]) rows.push([`${word(key)} (${word("spread")})`, spread(images[field], (value) => show(value))]);
    }
    rows.push([word("content_types"), images.types.map((each) => `${each.content_type ?? word("unknown")} ${number(each.rows)}`).join(", ")]);
  }
  if (answers) rows.push([`${word("characters")} (${word("spread")})`, spread(answers.characters, (value) => number(value))]);
  return make("div", { class: "panel" },
    table(word("quality"), [word("measure"), word("value"), word("rule")], measures, [1]),
    rows.length ? table(word("sizes"), [word("measure"), word("value")], rows) : null);
}

// The newest first.
function runsPanel(runs) {
  if (!runs.length) return make("p", { class: "quiet" }, word("no_runs"));
  const or = (value, show) => (value === null ? null : show(value));
  const heads = ["run_started", "run", "run_state", "rows", "ok", "run_time", "run_rate", "run_bytes", "tokens", "cost", "run_message"];
  const rows = runs.map((run) => [moment(run.started_us), run.run_id.slice(0, 8), word(`run_${run.state}`), or(run.rows, number), or(run.ok, number),
    or(run.seconds, (seconds) => duration(seconds * 1000)), or(run.images_per_second, rate), or(run.bytes, bytes),
    or(run.input_tokens, (tokens) => number(tokens + (run.output_tokens ?? 0))), or(run.cost, (cost) => number(cost, 4)),
    [run.message, run.stream].filter((text) => text !== null).join("; ") || null]);
  return make("div", { class: "panel" }, table(word("runs"), heads.map((key) => word(key)), rows, [3, 4, 5, 6, 7, 8, 9]));
}

function drawFigures(figures) {
  const pair = (panel) => make("div", { class: "pair" }, ...STAGES.map((name) => panel(figures, name)));
  const names = Object.entries(DATA.tables);
  byId("panel-figures").replaceChildren(
    make("h2", {}, word("outcomes")), pair(statusPanel),
    make("h2", {}, word("throughput")), pair(throughputPanel),
    make("h2", {}, word("latency")), pair(latencyPanel),
    make("h2", {}, word("tokens_cost")), modelsPanel(figures),
    make("h2", {}, word("quality")), qualityPanel(figures.quality),
    make("h2", {}, word("runs")), runsPanel(figures.runs),
    make("h2", {}, word("tables")), make("div", { class: "panel" }, make("dl", { class: "fields" }, ...names.flatMap(([role, name]) => [make("dt", {}, role), make("dd", {}, name)]))));
}

function setUpFigures() {
  onLanguage(() => {
    byId("made").textContent = word("made", { when: moment(DATA.made_us), version: DATA.version });
    if (DATA.figures) { drawTiles(DATA.figures); drawFigures(DATA.figures); }
  });
}
