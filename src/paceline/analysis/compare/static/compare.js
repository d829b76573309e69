/* The page of a comparison: names that hide and show, and the same problem side by side. What a
   model wrote is only ever textContent. */

const hidden = new Set(); // places of labels
const figures = [];

function start(data) {
  data.hidden = hidden;
  figures.push(...charts(data, () => {}));
}

function toggle(button) {
  const place = [...byId("labels").children].indexOf(button);
  if (hidden.has(place)) hidden.delete(place);
  else hidden.add(place);
  button.setAttribute("aria-pressed", String(!hidden.has(place)));
  figures.forEach((figure) => figure.redraw());
}

const side = { data: JSON.parse(byId("side-data").textContent), round: 0, problem: 0 };
side.round = Math.max(0, side.data.rounds.length - 1);

function choose(parent, count, name, at, pick) {
  parent.querySelectorAll("button").forEach((node) => node.remove());
  for (let i = 0; i < count; i++) {
    const button = element(parent, "button", "", name(i));
    button.type = "button";
    button.setAttribute("aria-pressed", String(i === at));
    button.addEventListener("click", () => { pick(i); show(); });
  }
}

function column(parent, label, answers) {
  const box = element(parent, "section", "");
  const head = element(box, "h3", "", label);
  element(head, "small", "", `${answers.right} of ${answers.of} right`);
  for (const row of answers.rows) {
    const kind = `${row.correct ? " correct" : ""}${row.cut ? " cut" : ""}`;
    const one = element(box, "div", `one${kind}`, visible(row.text));
    const reward = row.reward === null ? "no reward" : `reward ${compact(row.reward)}`;
    element(one, "small", "", `${row.correct ? "right" : "wrong"}, ${reward}${row.cut ? ", cut by length" : ""}`);
  }
}

function show() {
  const rounds = side.data.rounds;
  const round = rounds[side.round];
  side.problem = Math.min(side.problem, round.problems.length - 1);
  const problem = round.problems[side.problem];
  choose(byId("rounds"), rounds.length, (i) => when(rounds[i]), side.round, (i) => { side.round = i; });
  choose(byId("problems"), round.problems.length, (i) => String(i + 1), side.problem, (i) => { side.problem = i; });
  byId("prompt").textContent = visible(problem.prompt);
  byId("answer").textContent = visible(problem.answer ?? "–");
  byId("side").replaceChildren();
  for (const [label, answers] of Object.entries(problem.answers)) column(byId("side"), label, answers);
}

/* Where runs make different numbers of updates a round, a round is at no one step. */
function when(round) {
  return round.step === null ? `round ${round.round + 1}` : String(round.step - 1);
}

JSON.parse(byId("curves-data").textContent).sets.forEach(start);
byId("labels").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) toggle(button);
});
if (side.data.rounds.length) {
  byId("shown").textContent =
    `Seed ${side.data.seed}: each policy in the same round, asked the same problem with the same random numbers.`;
  show();
} else {
  byId("shown").textContent = "No round in which all of them met the same problem.";
  byId("controls").hidden = true;
  document.querySelector("#rollouts .prompt").hidden = true;
}
