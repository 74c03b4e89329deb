// What is pressed and typed, and what the address says: #text-3 is the fourth row.

const FILTERS = ["run", "outcome", "range", "language", "type", "held"];
const by = (id) => document.getElementById(id);

function themes() {
  const choice = by("theme");
  const use = (theme) => (theme ? (document.documentElement.dataset.theme = theme) : delete document.documentElement.dataset.theme);
  try {
    choice.value = localStorage.getItem("longwriter-theme") ?? "";
  } catch {
    // A browser may keep nothing for a page from disk.
  }
  use(choice.value);
  choice.addEventListener("change", () => {
    use(choice.value);
    try {
      localStorage.setItem("longwriter-theme", choice.value);
    } catch {
      // As above: the choice holds until the page is closed.
    }
  });
}

// What a filter is set to; null stands for all. A value may be an empty text.
function chosen(option) {
  return option.startsWith("is ") ? option.slice(3) : null;
}

async function start() {
  const data = await Data.read();
  const finder = new Finder(data);
  let wanted = 0;
  let opened = null;

  const open = (i) => (location.hash = `#text-${i}`);
  const back = () => (location.hash = "#texts");
  const list = new List(data, open);
  const view = new RecordView(data, {
    back,
    open,
    move: (step) => {
      const next = list.beside(opened, step);
      if (next !== undefined) open(next);
    },
  });

  const find = async () => {
    const mine = ++wanted;
    const filters = Object.fromEntries(FILTERS.map((key) => [key, chosen(by(`by-${key}`).value)]));
    const question = { search: by("search").value, filters, sort: by("sort").value };
    const found = await finder.find(question, () => mine === wanted);
    if (found && mine === wanted) list.show(found);
  };

  const route = async () => {
    const match = /^#text-(\d+)$/.exec(location.hash);
    const i = match ? Number(match[1]) : NaN;
    if (i < data.size) {
      opened = i;
      by("browse").hidden = true;
      await view.show(i, { before: list.beside(i, -1), behind: list.beside(i, 1) });
      return;
    }
    by("record").hidden = true;
    by("browse").hidden = false;
    if (opened === null) return;
    list.turnTo(opened);
    (by(`open-${opened}`) ?? by("search")).focus();
    opened = null;
  };

  for (const key of FILTERS) {
    const choices = finder.choices(key);
    const names = choices.map(([value, n]) => element("option", { value: `is ${value}` }, `${finder.name(key, value)} (${number(n)})`));
    by(`by-${key}`).replaceChildren(element("option", { value: "" }, "all"), ...names);
    by(`by-${key}-field`).hidden = choices.length < 2;
    by(`by-${key}`).addEventListener("change", find);
  }
  for (const [value, name] of [["s_l", "sl"], ["s_q", "sq"]]) {
    if (data.columns[name].every((score) => score === null)) by("sort").querySelector(`[value=${value}]`).remove();
  }
  by("sort").addEventListener("change", find);
  let typing;
  by("search").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(find, 200);
  });
  by("filters").addEventListener("submit", (event) => {
    event.preventDefault();
    find();
  });
  by("filters").addEventListener("reset", () => setTimeout(find));
  document.addEventListener("keydown", (event) => {
    if (by("record").hidden || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    if (event.key === "Escape") back();
    else if (event.key === "ArrowLeft") view.move(-1);
    else if (event.key === "ArrowRight") view.move(1);
  });
  window.addEventListener("hashchange", route);

  await find();
  by("browse").hidden = false;
  if (location.hash.startsWith("#text-")) await route();
}

themes();
start().catch((problem) => {
  const old = typeof DecompressionStream === "undefined";
  by("trouble").textContent = old
    ? "This browser cannot unpack the texts; one of 2023 or newer can."
    : `The texts cannot be shown: ${problem.message}`;
  by("trouble").hidden = false;
});
