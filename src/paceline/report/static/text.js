/* Text of models, as it is shown: none of it is ever read as markup. */

const byId = (id) => document.getElementById(id);
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** Text with its invisible characters made visible, so that none can hide or reorder the rest. */
function visible(text) {
  return text.replace(UNSEEN, (c) => {
    const code = c.codePointAt(0);
    if (c === "\n" || c === "\t") return c;
    if (code < 32) return String.fromCodePoint(0x2400 + code);
    return `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

/** Where the data has a group's problem, as the end of a heading; nothing where no file has it. */
const rowOf = (group) => (group.problem_row ? `: ${visible(group.problem_row)}` : "");

/** Fills a token's node: blank tokens as ␣ and ⇥, line ends as ⏎ before the line really ends; ◌ for
    a token that is a part of a character, which stands at the last of its tokens. */
function spell(node, piece) {
  if (!piece) element(node, "span", "blank", "◌");
  const blank = !piece.trim();
  for (const part of visible(piece).split(/(\n|\t| )/)) {
    if (part === "\n" || part === "\t" || (part === " " && blank)) {
      element(node, "span", "blank", { "\n": "⏎", "\t": "⇥", " ": "␣" }[part]);
      if (part !== " ") node.append(part);
    } else if (part) {
      node.append(part);
    }
  }
}
