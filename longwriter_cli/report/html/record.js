// One record: what was asked, and each step of its plan beside what was written for it.

class RecordView {
  constructor(data, { back, move, open }) {
    this.data = data;
    this.back = back;
    this.move = move;
    this.open = open;
    this.article = document.getElementById("record");
  }

  async show(i, { before, behind }) {
    const row = this.data.row(i);
    const reading = await this.data.reading(i);
    const title = element("h3", { id: "record-title", tabindex: "-1", dir: "auto" }, row.id);
    const button = (name, label, press, off) =>
      element(
        "button",
        { type: "button", onclick: press, "aria-label": label, "aria-disabled": off ? "true" : "false" },
        name,
      );
    this.article.replaceChildren(
      element(
        "nav",
        { "aria-label": "From text to text", class: "moves" },
        button("List", "Back to the list", this.back),
        button("Previous", "Previous text", () => this.move(-1), before === undefined),
        button("Next", "Next text", () => this.move(1), behind === undefined),
        element("span", { class: "keys" }, "Keys: Escape, ←, →"),
      ),
      title,
      this.figures(row),
      ...this.prompt(row, reading, i),
      ...this.passages(row, reading),
      ...this.elsewhere(row, i),
    );
    this.article.hidden = false;
    title.focus({ preventScroll: true });
    this.article.scrollIntoView({ block: "start" });
  }

  figures(row) {
    const facts = [];
    const selects = this.data.selects[row.run];
    if (this.data.runs.length > 1) facts.push(["Run", this.data.runs[row.run]]);
    facts.push(["Outcome", badge(row, selects)]);
    if (row.detail) facts.push(["Reason", element("span", { dir: "auto" }, row.detail)]);
    if (row.words !== null) facts.push(["Words", number(row.words)]);
    if (row.required !== null) facts.push(["Asked for", number(row.required)]);
    if (row.sl !== null) facts.push(["S_l", row.sl.toFixed(1)]);
    if (row.sq !== null) facts.push(["S_q", row.sq.toFixed(1)]);
    facts.push(["Language", language(row.language)]);
    if (row.type) facts.push(["Type", row.type]);
    const pairs = facts.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)));
    return element("dl", { class: "facts" }, ...pairs);
  }

  prompt(row, reading, i) {
    const parts = [element("h4", {}, "Instruction"), text(reading ? reading.prompt : row.prompt)];
    if (row.whole) return parts;
    const held = reading ? "Of this text the page has the beginnings of its sections" : "Of this text the page has its figures";
    return [
      ...parts,
      element("p", { class: "note" }, `${held}. The whole of it: `, element("code", {}, this.data.command(i))),
    ];
  }

  passages(row, reading) {
    const passages = reading ? [...reading.passages] : [];
    const seen = new Set(passages.map((passage) => passage.n));
    for (let at = 0; at < row.sections.length; at += 3) {
      const [n, target, words] = row.sections.slice(at, at + 3);
      if (!seen.has(n)) passages.push({ n, point: "", target, words: words < 0 ? null : words, text: "", note: "" });
    }
    if (!passages.length) return [];
    const planned = passages.some((passage) => passage.n > 0);
    return [element("h4", {}, planned ? "Plan and text" : "Text"), ...passages.map((passage) => this.passage(passage))];
  }

  passage(passage) {
    const { n, point, target, words, note } = passage;
    if (!n) return text(passage.text);
    const of = words === null ? `not written; ${number(target)} words planned` : `${number(words)} of ${number(target)} words`;
    const beside = element(
      "div",
      { class: "step" },
      element("h5", {}, `Section ${n}`),
      element("p", { dir: "auto" }, point),
      element("p", { class: "length" }, of, words === null ? null : gauge(words / Math.max(1, target))),
      note ? element("p", { class: "badge failed" }, note) : null,
    );
    return element("section", { class: "passage" }, beside, text(passage.text));
  }

  // The same instruction in the other runs.
  elsewhere(row, i) {
    const { id, run } = this.data.columns;
    const others = id.map((_, j) => j).filter((j) => j !== i && id[j] === row.id && run[j] !== row.run);
    if (!others.length) return [];
    const buttons = others.map((j) => element("button", { type: "button", onclick: () => this.open(j) }, this.data.runs[run[j]]));
    return [element("h4", {}, "The same instruction elsewhere"), element("p", { class: "moves" }, ...buttons)];
  }
}

function text(value) {
  return element("div", { class: "text", dir: "auto" }, value);
}

// Written / target as a bar, with a mark where the target is; the figures stand beside it.
function gauge(ratio) {
  const SVG = "http://www.w3.org/2000/svg";
  const make = (name, attributes) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const bar = make("svg", { class: "meter", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" });
  bar.append(
    make("rect", { class: "rail", width: 100, height: 8 }),
    make("rect", { class: "bar s0", width: Math.min(100, 50 * ratio), height: 8 }),
    make("rect", { class: "mark", x: 49.5, width: 1, height: 8 }),
  );
  return bar;
}
