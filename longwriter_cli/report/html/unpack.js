"use strict";

// The data of the page. Rows stand in columns; what can be read of a row stands in a block, deflated with others.

const OUTCOMES = ["finished", "rejected", "failed", "unfinished"];
const BLOCKS_KEPT = 16;

async function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(inflated).text());
}

class Data {
  static async read() {
    const page = JSON.parse(document.getElementById("data").textContent);
    return new Data(page, await unpack(page.rows));
  }

  constructor(page, columns) {
    Object.assign(this, { runs: page.runs, commands: page.commands, selects: page.selects, ranges: page.ranges });
    this.columns = columns;
    this.blocks = page.blocks;
    this.size = columns.id.length;
    this.unpacked = new Map();
  }

  row(i) {
    const row = {};
    for (const name in this.columns) row[name] = this.columns[name][i];
    row.outcome = OUTCOMES[row.outcome];
    return row;
  }

  async block(number) {
    let block = this.unpacked.get(number);
    if (block === undefined) {
      if (this.unpacked.size >= BLOCKS_KEPT) this.unpacked.delete(this.unpacked.keys().next().value);
      block = await unpack(this.blocks[number]);
      this.unpacked.set(number, block);
    }
    return block;
  }

  // The prompt and the passages of a row, or null where the page has only its figures.
  async reading(i) {
    const number = this.columns.block[i];
    if (number < 0) return null;
    const [prompt, passages] = (await this.block(number))[this.columns.at[i]];
    return {
      prompt,
      passages: passages.map(([n, point, target, words, text, note]) => ({ n, point, target, words, text, note })),
    };
  }

  // What the user types to see a text that the page does not hold.
  command(i) {
    const id = this.columns.id[i];
    const plain = /^[\w@%+=:,./-]+$/.test(id);
    return `${this.commands[this.columns.run[i]]} ${plain ? id : `'${id.replaceAll("'", `'"'"'`)}'`}`;
  }
}

// --- words for what the data says

const NUMBERS = new Intl.NumberFormat("en");
const LANGUAGES = new Intl.DisplayNames(["en"], { type: "language" });

function number(value) {
  return NUMBERS.format(value);
}

function language(code) {
  if (code === "und") return "not told";
  try {
    return LANGUAGES.of(code);
  } catch {
    return code; // a dataset may say anything
  }
}

function outcome(name, selects) {
  if (selects) return { finished: "kept", rejected: "dropped", failed: "failed", unfinished: "waiting" }[name];
  return { finished: "record", rejected: "dropped", failed: "failed", unfinished: "not finished" }[name];
}

// An element. What is put into it is text, never HTML.
function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}
