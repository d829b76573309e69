/* The reader of a replayed part. What a model wrote is only ever textContent. */

const data = JSON.parse(byId("replay-data").textContent);
const reader = { objective: 0, group: 0 };
const GAMMA = 0.6; // Small pushes are to be seen beside the largest.

/** A number with its sign, e.g. +0.62, −1.1e-4, 0. */
function signed(value) {
  if (value === null || value === undefined) return "–";
  return value === 0 ? "0" : (value > 0 ? "+" : "−") + compact(Math.abs(value));
}

const plain = (value) => (value === null || value === undefined ? "–" : value.toPrecision(4));
const percent = (share) => `${(share * 100).toFixed(share && share < 0.0995 ? 1 : 0)}${THIN}%`;
const thisGroup = () => data.groups[reader.group];
const pushAt = (effect, which, place) => {
  const push = effect.pushes[place]; // null where it is not a finite number
  return push === null ? null : push * data.largest[which] / data.scale;
};

/** A token's colour: green where it is made more probable, orange where less, by the size. */
function paint(node, effect, place) {
  const push = effect.pushes[place] ?? 0;
  if (!push) return;
  node.style.setProperty("--t", (Math.abs(push) / data.scale) ** GAMMA);
  node.classList.add(push > 0 ? "up" : "down");
}

function tokens(card, row, effect) {
  const bound = new Set(effect ? effect.bound : []);
  tokenBox(card, row, (node, place) => {
    if (effect) paint(node, effect, place);
    if (bound.has(place)) node.classList.add("bound");
  });
}

/** The completion's weight under every objective, side by side; the chosen one stands out. */
function mini(card, row, most) {
  const said = data.names.map((name, i) => `${name} ${percent(row.effects[i]?.weight ?? 0)}`);
  const size = { class: "mini", width: 18 * data.names.length, height: 36, role: "img" };
  const svg = draw(card, "svg", { ...size, "aria-label": `Weight: ${said.join(", ")}` });
  const zero = 33 * most.up / (most.up + most.down || 1);
  draw(svg, "line", { class: "axis", x1: 0, x2: size.width, y1: zero, y2: zero });
  row.effects.forEach((effect, i) => {
    const at = draw(svg, "g", { class: i === reader.objective ? "chosen" : "" });
    draw(at, "title", {}, said[i]);
    const up = (effect?.push ?? 0) > 0;
    const long = 33 * (effect?.weight ?? 0) / (most.up + most.down || 1);
    const height = long ? Math.max(1.5, long) : 0;
    const box = { x: 18 * i + 2, y: up ? zero - height : zero, width: 14, height };
    draw(at, "rect", { class: up ? "up" : "down", ...box });
    draw(at, "line", { class: "mark", x1: box.x, x2: box.x + 14, y1: 35, y2: 35 });
  });
}

/** The largest weights above and below the line, over all groups. */
function largest() {
  const found = { up: 0, down: 0 };
  for (const effect of data.groups.flatMap((g) => g.rows.flatMap((r) => r.effects))) {
    if (!effect) continue;
    const side = effect.push > 0 ? "up" : "down";
    found[side] = Math.max(found[side], effect.weight);
  }
  return found;
}

function card(parent, row, most) {
  const effect = row.effects[reader.objective];
  const box = element(parent, "article", `card ${state(row)}`);
  const head = element(box, "header", "");
  element(head, "span", "state", `${signs[state(row)]} ${state(row)}`);
  const figure = (label, value) => {
    const item = element(head, "span", "figure", label + " ");
    element(item, "b", "", value);
  };
  figure("reward", row.reward === null ? "–" : compact(row.reward).replace("-", "−"));
  if (effect) {
    figure(effect.advantages ? "mean advantage" : "advantage", signed(effect.advantage));
    const weight = effect.weight === null ? "–" : percent(effect.weight);
    figure("weight", `${weight} ${effect.push > 0 ? "↑" : effect.push < 0 ? "↓" : ""}`);
    figure("mean ratio", plain(effect.ratio));
    figure("largest token ratio", plain(effect.ratio_max));
    figure("clipped", `${effect.clipped} of ${row.length}`);
  } else {
    element(head, "span", "figure", `${row.length} tokens, no gradient`);
  }
  mini(box, row, most);
  const why = [row.reason, row.masked ? "masked: gives no gradient" : ""];
  element(box, "p", "reason", visible(why.filter(Boolean).join(" · ")));
  tokens(box, row, effect);
}

function scale(parent) {
  const box = element(parent, "p", "scale");
  element(box, "span", "", "push");
  for (const part of [-1, -0.1, 0, 0.1, 1]) {
    const push = signed(part * data.largest[reader.objective]);
    const node = element(box, "span", part < 0 ? "t down" : "t up", push);
    node.style.setProperty("--t", Math.abs(part) ** GAMMA);
  }
  element(element(box, "span", "", " "), "span", "t bound", "clipped");
  element(box, "span", "", "The bars of a completion are its weight under each objective, in the order of the buttons.");
}

function showGroup() {
  hideTip();
  const [group, box] = [thisGroup(), byId("group")];
  box.replaceChildren();
  const prompt = element(box, "div", "prompt");
  element(prompt, "h3", "", `Group ${reader.group + 1} of ${data.groups.length}${rowOf(group)}`);
  element(prompt, "pre", "", visible(group.prompt)).tabIndex = 0;
  const answer = element(prompt, "p", "answer", "Expected answer ");
  element(answer, "code", "", visible(group.answer || "none"));
  scale(box);
  const most = largest();
  const grid = element(box, "div", "cards");
  for (const row of group.rows) card(grid, row, most);
  byId("groups").querySelectorAll("button").forEach((button, i) => {
    button.setAttribute("aria-pressed", String(i === reader.group));
  });
  byId("choice").querySelectorAll("button").forEach((button, i) => {
    button.setAttribute("aria-pressed", String(i === reader.objective));
  });
}

function toGroup(place) {
  if (place < 0 || place >= data.groups.length) return;
  reader.group = place;
  showGroup();
}

function toObjective(which) {
  reader.objective = which;
  showGroup();
}

function buttons() {
  data.names.forEach((name, i) => {
    const button = element(byId("choice"), "button", "", name);
    button.type = "button";
    button.addEventListener("click", () => toObjective(i));
  });
  data.groups.forEach((group, i) => {
    const button = element(byId("groups"), "button", "");
    button.type = "button";
    const right = group.rows.filter((row) => row.correct).length;
    const name = `Group ${i + 1}: ${right} of ${group.rows.length} correct`;
    button.setAttribute("aria-label", name);
    button.title = name;
    const squares = element(button, "span", "squares");
    for (const row of group.rows) element(squares, "i", state(row));
    element(button, "span", "count", `${i + 1}`);
    button.addEventListener("click", () => toGroup(i));
  });
}

/** The numbers of one token, in its tip. */
function numbers(tip, row, place) {
  const list = element(tip, "dl", "");
  const line = (label, value) => {
    element(list, "dt", "", label);
    element(list, "dd", "", value);
  };
  const [logp, moved] = [row.logp?.[place], row.moved?.[place]];
  if (logp != null && moved != null) {
    line("ratio", Math.exp(moved / 1e5).toPrecision(5));
    line("log p now", (logp / 1e3).toFixed(3).replace("-", "−"));
    line("log p, round’s start", ((logp - moved / 100) / 1e3).toFixed(3).replace("-", "−"));
  }
  const old = row.old[place];
  if (old != null) line("log p, sampler", (old / 1e3).toFixed(3).replace("-", "−"));
  const effect = row.effects[reader.objective];
  if (effect) line("advantage", signed((effect.advantages ?? [])[place] ?? effect.advantage));
  line("token", placeOf(row, place));
  const rest = element(tip, "dl", "rest");
  row.effects.forEach((effect, i) => {
    const here = i === reader.objective ? "here" : "";
    element(rest, "dt", here, `push, ${data.names[i]}`);
    const clipped = effect?.bound.includes(place) ? " clipped" : "";
    element(rest, "dd", "", effect ? signed(pushAt(effect, i, place)) + clipped : "–");
  });
}

function keys() {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return hideTip();
    if (event.ctrlKey || event.metaKey || event.altKey || walk(event)) return;
    const act = {
      j: () => toGroup(reader.group + 1),
      k: () => toGroup(reader.group - 1),
      o: () => toObjective((reader.objective + 1) % data.names.length),
    }[event.key.toLowerCase()];
    if (act) { act(); event.preventDefault(); }
  });
}

function start() {
  byId("shown").textContent = data.shown;
  if (!data.groups.length) return;
  byId("reader").hidden = false;
  buttons();
  document.querySelectorAll(".strips rect").forEach((bar) => {
    bar.addEventListener("click", () => {
      toGroup(Number(bar.dataset.group));
      byId("tokens").scrollIntoView({ behavior: "smooth" });
    });
  });
  tipsIn(byId("group"), data, numbers);
  keys();
  showGroup();
}

start();
