// The list of the rows that were found, one page at a time.

const ON_A_PAGE = 25;

class List {
  constructor(data, open) {
    this.data = data;
    this.open = open;
    this.found = [];
    this.page = 0;
    const moves = {
      first: () => 0,
      previous: () => this.page - 1,
      next: () => this.page + 1,
      last: () => this.pages - 1,
    };
    this.buttons = Object.fromEntries(Object.keys(moves).map((key) => [key, document.getElementById(key)]));
    for (const [key, move] of Object.entries(moves)) {
      this.buttons[key].addEventListener("click", () => {
        this.page = Math.max(0, Math.min(this.pages - 1, move()));
        this.draw();
      });
    }
  }

  get pages() {
    return Math.max(1, Math.ceil(this.found.length / ON_A_PAGE));
  }

  show(found) {
    this.found = found;
    this.page = 0;
    this.draw();
  }

  // The row before or behind another one in the list, or undefined.
  beside(i, step) {
    const place = this.found.indexOf(i);
    return place < 0 ? undefined : this.found[place + step];
  }

  // Turns to the page that has the row.
  turnTo(i) {
    const place = this.found.indexOf(i);
    if (place >= 0) this.page = Math.floor(place / ON_A_PAGE);
    this.draw();
  }

  draw() {
    const shown = this.found.slice(this.page * ON_A_PAGE, (this.page + 1) * ON_A_PAGE);
    const columns = this.columns();
    const table = element(
      "table",
      {},
      element("caption", { class: "unseen" }, "Texts found"),
      element("thead", {}, element("tr", {}, ...columns.map(([name]) => element("th", { scope: "col" }, name)))),
      element("tbody", {}, ...shown.map((i) => this.line(i, columns))),
    );
    document.getElementById("list").replaceChildren(shown.length ? table : element("p", {}, "Nothing is like that."));
    const of = this.found.length === this.data.size ? "" : ` of ${number(this.data.size)}`;
    const texts = this.found.length === 1 && !of ? "text" : "texts";
    document.getElementById("count").textContent =
      `${number(this.found.length)}${of} ${texts}` + (this.pages > 1 ? `, page ${number(this.page + 1)} of ${number(this.pages)}` : "");
    document.getElementById("pager").hidden = this.pages === 1;
    const at = { first: this.page === 0, last: this.page === this.pages - 1 };
    Object.assign(at, { previous: at.first, next: at.last });
    // Not the attribute `disabled`: it would take the focus away from whoever pages by keyboard.
    for (const [key, button] of Object.entries(this.buttons)) {
      button.setAttribute("aria-disabled", String(at[key]));
    }
  }

  // Columns that say nothing in any row are left out.
  columns() {
    const { columns, runs, selects } = this.data;
    const some = (name) => columns[name].some((value) => value !== null && value !== "");
    const score = (name) => (i) => (columns[name][i] === null ? "–" : columns[name][i].toFixed(1));
    const shown = [["Instruction", null, "what"]];
    if (runs.length > 1) shown.push(["Run", (i) => runs[columns.run[i]]]);
    if (some("words")) shown.push(["Words", (i) => (columns.words[i] === null ? "–" : number(columns.words[i])), "number"]);
    if (some("required")) {
      shown.push(["Asked for", (i) => (columns.required[i] === null ? "–" : number(columns.required[i])), "number"]);
    }
    if (some("sl")) shown.push(["S_l", score("sl"), "number"]);
    if (some("sq")) shown.push(["S_q", score("sq"), "number"]);
    shown.push(["Language", (i) => language(columns.language[i])]);
    if (some("type")) shown.push(["Type", (i) => columns.type[i] || "–"]);
    shown.push(["Outcome", (i) => badge(this.data.row(i), selects[columns.run[i]])]);
    return shown;
  }

  line(i, columns) {
    const { id, prompt } = this.data.columns;
    const open = element("button", { type: "button", class: "open", id: `open-${i}`, onclick: () => this.open(i) },
      element("span", { dir: "auto" }, prompt[i] || "(no prompt)"));
    return element(
      "tr",
      {},
      ...columns.map(([name, value, kind]) =>
        value === null
          ? element("th", { scope: "row", class: kind }, open, element("span", { class: "id", dir: "auto" }, id[i]))
          : element("td", { class: kind, "data-name": name }, value(i)),
      ),
    );
  }
}

function badge(row, selects) {
  const name = outcome(row.outcome, selects);
  return element("span", { class: `badge ${row.outcome}` }, row.reason ? `${name}: ${row.reason}` : name);
}
