/* The reader of rollouts, and what starts the page. What a model wrote is only ever textContent. */

const reader = { data: null, round: 0, group: 0, colour: "probability", filter: "all" };

const kept = {
  all: () => true,
  correct: (row) => row.correct,
  wrong: (row) => !row.correct,
  cut: (row) => row.finish === "length",
};

const minus = (text) => text.replace("-", "−");

/** A number with its sign, e.g. +0.62, −1.10, 0.00. */
function signed(value, digits) {
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : (value > 0 ? "+" : "−") + text;
}

const thisRound = () => reader.data.rounds[reader.round];
const advantageOf = (row) => row.advantage.reduce((a, b) => a + b, 0) / (row.advantage.length || 1);

function advantageAt(row, place) {
  return row.advantage.length === 1 ? row.advantage[0] : row.advantage[place] ?? null;
}

/** How strongly a token is coloured, 0 to 1: by surprise, or by the size of its advantage. */
function paint(node, row, place, largest) {
  if (reader.colour === "probability" && row.old?.[place] != null) {
    const surprise = -row.old[place] / 1000;
    node.style.setProperty("--t", Math.min(1, Math.max(0, surprise) / 6.9) ** 0.6);
    node.classList.add("surprise");
  } else if (reader.colour === "advantage") {
    const advantage = advantageAt(row, place) ?? 0;
    if (!advantage) return;
    node.style.setProperty("--t", Math.min(1, Math.abs(advantage) / largest));
    node.classList.add(advantage > 0 ? "up" : "down");
  }
}

function tokens(card, row, largest) {
  const plain = reader.colour === "none" || !row.tokens.length;
  tokenBox(card, row, plain ? null : (node, place) => paint(node, row, place, largest));
}

function card(parent, row, largest) {
  const box = element(parent, "article", `card ${state(row)}`);
  const head = element(box, "header", "");
  element(head, "span", "state", `${signs[state(row)]} ${state(row)}`);
  const figure = (label, value) => {
    const item = element(head, "span", "figure", label + " ");
    element(item, "b", "", value);
    return item;
  };
  figure("reward", row.reward === null ? "–" : minus(compact(row.reward)));
  const mean = advantageOf(row);
  const shown = figure(row.advantage.length > 1 ? "mean advantage" : "advantage", signed(mean, 2));
  const bar = element(shown, "i", `bar ${mean < 0 ? "down" : "up"}`);
  bar.style.setProperty("--t", Math.min(1, Math.abs(mean) / largest));
  const ended = row.finish === "length" ? "cut" : "finished";
  element(head, "span", "figure", `${row.length.toLocaleString("en-GB")} tokens, ${ended}`);
  const parts = Object.entries(row.parts).map(([name, value]) => `${name} ${compact(value)}`);
  const why = [row.reason, ...parts, row.masked ? "masked: gives no gradient" : ""];
  element(box, "p", "reason", visible(why.filter(Boolean).join(" · ")));
  tokens(box, row, largest);
}

function prompt(parent, group) {
  const box = element(parent, "div", "prompt");
  const round = thisRound();
  const of = round.of_groups > round.groups.length ? ` (of ${round.of_groups} sampled)` : "";
  element(box, "h3", "", `Group ${reader.group + 1} of ${round.groups.length}${of}${rowOf(group)}`);
  element(box, "pre", "", visible(group.prompt));
  const answer = element(box, "p", "answer", "Expected answer ");
  element(answer, "code", "", visible(group.answer || "none"));
}

/** The scale of the colours, beside the completions. */
function scale(parent) {
  if (reader.colour === "none") return;
  const box = element(parent, "p", "scale");
  const probable = reader.colour === "probability";
  element(box, "span", "", probable ? "the sampler’s probability" : "advantage");
  const steps = probable
    ? [["1", 0], ["0.5", 0.69], ["0.1", 2.3], ["0.01", 4.6], ["≤ 0.001", 6.9]]
    : [["−", -1], ["0", 0], ["+", 1]];
  for (const [label, value] of steps) {
    const kind = probable ? "surprise" : value < 0 ? "down" : "up";
    const node = element(box, "span", `t ${kind}`, label);
    node.style.setProperty("--t", probable ? (value / 6.9) ** 0.6 : Math.abs(value));
  }
}

function showGroup() {
  hideTip();
  const [round, box] = [thisRound(), byId("group")];
  const group = round.groups[reader.group];
  box.replaceChildren();
  prompt(box, group);
  const rows = group.rows.filter(kept[reader.filter]);
  const all = round.groups.flatMap((g) => g.rows.flatMap((r) => r.advantage));
  const largest = all.reduce((most, a) => Math.max(most, Math.abs(a ?? 0)), 0) || 1;
  scale(box);
  const grid = element(box, "div", "cards");
  for (const row of rows) card(grid, row, largest);
  if (!rows.length) element(grid, "p", "muted", `No completion here is ${reader.filter}.`);
  byId("groups").querySelectorAll("button").forEach((button, i) => {
    button.setAttribute("aria-pressed", String(i === reader.group));
  });
  if (location.protocol !== "about:") {
    history.replaceState(null, "", `#round-${round.round}-${reader.group + 1}`);
  }
}

function showRound() {
  const round = thisRound();
  const count = reader.data.rounds.length;
  byId("slider").value = reader.round;
  byId("slider").setAttribute("aria-valuetext", `round ${round.round}`);
  byId("earlier").disabled = reader.round === 0;
  byId("later").disabled = reader.round === count - 1;
  byId("where").textContent = `round ${round.round}, step ${round.step}`;
  reader.group = Math.min(reader.group, round.groups.length - 1);
  if (!round.groups[reader.group].rows.some(kept[reader.filter])) {
    reader.group = Math.max(0, round.groups.findIndex((g) => g.rows.some(kept[reader.filter])));
  }
  const map = byId("groups");
  map.replaceChildren();
  round.groups.forEach((group, i) => {
    const button = element(map, "button", "");
    button.type = "button";
    const right = group.rows.filter((row) => row.correct).length;
    const name = `Group ${i + 1}: ${right} of ${group.rows.length} correct`;
    button.setAttribute("aria-label", name);
    button.title = name;
    const squares = element(button, "span", "squares");
    for (const row of group.rows) {
      element(squares, "i", kept[reader.filter](row) ? state(row) : `${state(row)} faint`);
    }
    element(button, "span", "count", `${right}/${group.rows.length}`);
    button.addEventListener("click", () => { reader.group = i; showGroup(); });
  });
  showGroup();
}

function toRound(place) {
  const last = reader.data.rounds.length - 1;
  const next = Math.max(0, Math.min(last, place));
  if (next !== reader.round) { reader.round = next; showRound(); }
}

/** The next or the last group that has something to show under the filter. */
function toGroup(direction) {
  const groups = thisRound().groups;
  for (let i = reader.group + direction; i >= 0 && i < groups.length; i += direction) {
    if (groups[i].rows.some(kept[reader.filter])) { reader.group = i; return showGroup(); }
  }
}

function choice(id, field, show) {
  const buttons = [...byId(id).querySelectorAll("button")];
  const mark = () => {
    buttons.forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.value === reader[field])));
  };
  buttons.forEach((button) => {
    button.addEventListener("click", () => { reader[field] = button.dataset.value; mark(); show(); });
  });
  mark();
  return () => {
    const at = buttons.findIndex((b) => b.dataset.value === reader[field]);
    buttons[(at + 1) % buttons.length].click();
  };
}

/** The numbers of one token, in its tip. */
function numbers(tip, row, place) {
  const list = element(tip, "dl", "");
  const line = (label, value) => {
    element(list, "dt", "", label);
    element(list, "dd", "", minus(value));
  };
  const old = row.old?.[place];
  if (old != null) line("probability", Math.exp(old / 1000).toPrecision(3));
  for (const [label, field] of [["sampler", "old"], ["trainer", "anchor"], ["reference", "ref"]]) {
    const value = row[field]?.[place];
    if (value != null) line(`log p, ${label}`, (value / 1000).toFixed(3));
  }
  const advantage = advantageAt(row, place);
  if (advantage !== null) line("advantage", signed(advantage, 3));
  const forecast = row.values?.[place];
  if (forecast != null) line("forecast of the critic", (forecast / 1000).toFixed(3));
  line("token", placeOf(row, place));
}

function keys(nextColour) {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return hideTip();
    if (event.ctrlKey || event.metaKey || event.altKey || walk(event)) return;
    if (event.target.closest?.("input, summary, pre")) return;
    const act = {
      ArrowLeft: () => toRound(reader.round - 1),
      ArrowRight: () => toRound(reader.round + 1),
      j: () => toGroup(1),
      k: () => toGroup(-1),
      c: nextColour,
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (act) { act(); event.preventDefault(); }
  });
}

function start(data) {
  reader.data = data;
  byId("shown").textContent = data.shown;
  if (!data.rounds.length) return;
  byId("reader").hidden = false;
  byId("slider").max = data.rounds.length - 1;
  byId("slider").addEventListener("input", (event) => toRound(Number(event.target.value)));
  byId("earlier").addEventListener("click", () => toRound(reader.round - 1));
  byId("later").addEventListener("click", () => toRound(reader.round + 1));
  const nextColour = choice("colours", "colour", showGroup);
  choice("filters", "filter", showRound);
  tipsIn(byId("group"), data, numbers);
  keys(nextColour);
  const asked = /^#round-(\d+)-(\d+)$/.exec(location.hash);
  const place = asked ? data.rounds.findIndex((r) => r.round === Number(asked[1])) : -1;
  reader.round = place >= 0 ? place : data.rounds.length - 1;
  reader.group = place >= 0 ? Math.max(0, Number(asked[2]) - 1) : 0;
  showRound();
  if (place >= 0) byId("rollouts").scrollIntoView();
}

function openAt(step) {
  const rounds = reader.data?.rounds ?? [];
  if (!rounds.length) return;
  const gaps = rounds.map((round) => Math.abs(round.step - step));
  toRound(gaps.indexOf(Math.min(...gaps)));
  byId("rollouts").scrollIntoView({ behavior: "smooth" });
}

const drawn = charts(JSON.parse(byId("curves-data").textContent), openAt);
byId("copy")?.addEventListener("click", () => {
  getSelection().selectAllChildren(byId("command"));
  const copied = navigator.clipboard?.writeText(byId("command").textContent);
  // Where a page may not write to the clipboard, the selection is there for Ctrl-C.
  copied?.then(() => { byId("copy").textContent = "Copied"; }, () => {});
});
requestAnimationFrame(() => setTimeout(() => {
  start(JSON.parse(byId("rollouts-data").textContent));
  const first = drawn[0];
  if (!first) return;
  first.spec.marks = reader.data.rounds.map((round) => round.step);
  first.redraw();
}));
