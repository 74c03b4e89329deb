// Which rows are wanted: by filter, by search, and in which order.

class Finder {
  constructor(data) {
    this.data = data;
    const { columns } = data;
    this.heads = columns.id.map((id, i) =>
      [id, columns.prompt[i], columns.detail[i], columns.reason[i]].join("\n").toLowerCase(),
    );
  }

  // The choices of a filter, each with how many rows it leaves.
  choices(key) {
    const counts = new Map();
    for (let i = 0; i < this.data.size; i++) {
      for (const value of this.values(key, i)) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    return [...counts].sort(([a, m], [b, n]) => this.rank(key, a) - this.rank(key, b) || n - m || (a < b ? -1 : 1));
  }

  values(key, i) {
    const { columns } = this.data;
    switch (key) {
      case "run":
        return [String(columns.run[i])];
      case "outcome": {
        const name = OUTCOMES[columns.outcome[i]];
        return columns.reason[i] ? [name, `${name}: ${columns.reason[i]}`] : [name];
      }
      case "range": {
        const required = columns.required[i];
        if (required === null) return ["-1"];
        return [String(this.data.ranges.findIndex(([, , high]) => high === null || required < high))];
      }
      case "language":
        return [columns.language[i]];
      case "type":
        return [columns.type[i]];
      case "held":
        return [columns.whole[i] ? "whole" : columns.block[i] >= 0 ? "beginnings" : "figures"];
    }
  }

  rank(key, value) {
    if (key === "outcome") return OUTCOMES.indexOf(value.split(":")[0]) * 2 + (value.includes(":") ? 1 : 0);
    if (key === "held") return ["whole", "beginnings", "figures"].indexOf(value);
    if (key === "run") return Number(value);
    if (key === "range") return value === "-1" ? this.data.ranges.length : Number(value);
    return 0;
  }

  name(key, value) {
    switch (key) {
      case "run":
        return this.data.runs[value];
      case "outcome": {
        const [first, ...reason] = value.split(": ");
        const name = outcome(first, this.data.selects.every(Boolean));
        return reason.length ? `${name}: ${reason.join(": ")}` : name;
      }
      case "range":
        return value === "-1" ? "not stated" : this.data.ranges[value][0];
      case "language":
        return language(value);
      case "type":
        return value || "not told";
      case "held":
        return { whole: "whole", beginnings: "beginnings", figures: "none" }[value];
    }
  }

  // The rows that pass, in order; null where another search has begun meanwhile.
  async find({ search, filters, sort }, isCurrent) {
    const terms = search.toLowerCase().split(/\s+/).filter(Boolean);
    let found = [];
    for (let i = 0; i < this.data.size; i++) {
      const passes = Object.entries(filters).every(([key, value]) => value === null || this.values(key, i).includes(value));
      if (passes) found.push(i);
    }
    if (terms.length) found = await this.search(found, terms, isCurrent);
    return found && this.sorted(found, sort);
  }

  async search(rows, terms, isCurrent) {
    const found = [];
    for (const i of rows) {
      let missing = terms.filter((term) => !this.heads[i].includes(term));
      if (missing.length && this.data.columns.block[i] >= 0) {
        const reading = await this.data.reading(i);
        if (!isCurrent()) return null;
        const text = [reading.prompt, ...reading.passages.flatMap((p) => [p.point, p.text, p.note])].join("\n").toLowerCase();
        missing = missing.filter((term) => !text.includes(term));
      }
      if (!missing.length) found.push(i);
    }
    return found;
  }

  sorted(rows, sort) {
    const { columns } = this.data;
    const by = { longest: ["words", -1], shortest: ["words", 1], s_l: ["sl", 1], s_q: ["sq", 1] }[sort];
    if (!by) return rows;
    const [name, sign] = by;
    const last = Infinity;
    const value = (i) => (columns[name][i] === null ? last : sign * columns[name][i]);
    return rows.toSorted ? rows.toSorted((a, b) => value(a) - value(b)) : [...rows].sort((a, b) => value(a) - value(b));
  }
}
