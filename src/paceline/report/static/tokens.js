/* Completions token by token, to be pointed at or walked through with the arrow keys. */

const tips = { node: null, pieces: [], special: new Set(), fill: () => {} };

const state = (row) => (row.correct ? "correct" : row.finish === "length" ? "cut" : "wrong");
const signs = { correct: "✓", wrong: "✗", cut: "✂" };

/** A completion's tokens in a box of their own. `dress(node, place)` colours one; without it the
    completion stands there as plain text. */
function tokenBox(card, row, dress) {
  const box = element(card, "div", "tokens");
  box.tabIndex = 0;
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", `Completion ${row.index + 1}; arrow keys move from token to token`);
  if (!dress) {
    box.textContent = visible(row.text);
    return;
  }
  row.tokens.forEach((id, place) => {
    if (row.gap === place) {
      const missing = (row.length - row.tokens.length).toLocaleString("en-GB");
      element(box, "span", "gap", `… ${missing} tokens left out …`);
    }
    const node = element(box, "span", tips.special.has(id) ? "t special" : "t");
    node.dataset.place = place;
    spell(node, tips.pieces[id]);
    dress(node, place);
  });
  box.row = row;
}

/** Takes the page's pieces, and gives the tokens within a box their tips. `fill(tip, row, place)`
    writes what stands in one. */
function tipsIn(box, data, fill) {
  Object.assign(tips, { pieces: data.pieces, special: new Set(data.special), fill });
  box.addEventListener("pointerover", (event) => {
    const node = event.target.closest(".t[data-place]");
    if (node) showTip(node); else hideTip();
  });
  box.addEventListener("pointerleave", hideTip);
  box.addEventListener("scroll", hideTip, true);
}

function hideTip() {
  byId("tip").hidden = true;
  tips.node?.classList.remove("on");
  tips.node = null;
}

function showTip(node) {
  hideTip();
  const row = node.closest(".tokens")?.row;
  if (!row) return;
  tips.node = node;
  node.classList.add("on");
  const [tip, place] = [byId("tip"), Number(node.dataset.place)];
  tip.replaceChildren();
  const name = element(tip, "p", "name");
  const piece = tips.pieces[row.tokens[place]];
  spell(name, piece.replace(/\s/g, (c) => (c === "\n" ? "⏎" : "␣")));
  if (!piece) name.append(" no text of its own");
  tips.fill(tip, row, place);
  tip.hidden = false;
  const [box, size] = [node.getClientRects()[0], tip.getBoundingClientRect()];
  const left = Math.min(Math.max(8, box.left), document.documentElement.clientWidth - size.width - 8);
  const above = box.top - size.height - 8;
  tip.style.left = `${left + scrollX}px`;
  tip.style.top = `${(above > 4 ? above : box.bottom + 8) + scrollY}px`;
}

/** Which token of its completion it is, those that are left out counted. */
function placeOf(row, place) {
  const hidden = row.gap !== null && place >= row.gap ? row.length - row.tokens.length : 0;
  return `${place + 1 + hidden} of ${row.length}`;
}

/** Goes to the next or the last token of the completion that has the focus; false elsewhere. */
function walk(event) {
  const box = event.target.closest?.(".tokens");
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!box?.row || !step) return false;
  const all = [...box.querySelectorAll(".t")];
  const at = tips.node && box.contains(tips.node) ? all.indexOf(tips.node) + step : 0;
  if (all[at]) showTip(all[at]);
  event.preventDefault();
  return true;
}
