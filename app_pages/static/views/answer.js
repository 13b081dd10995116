// How the sentences of an answer are set: the rows of a table as a table, the items of a list as a list,
// and all others as paragraphs.

// With more columns a row is easier to read as one line, each value behind its label.
const MOST_COLUMNS = 6;
const DELAY_MS = 120;
const LAST_DELAYED = 5;

function answer(part, data, emit) {
  if (data.error) {
    return part(["error", data.error], () => el("div", {}, el("p", { class: "line alert", role: "alert" }, data.error),
      el("p", { class: "small" }, button("ask again", () => emit({ do: "ask", question: data.question, alone: data.alone, plain: data.plain })))));
  }
  if (data.abstained) {
    return part(["declined", data.abstained, data.missing], () => el("div", {}, el("p", { class: "declined", dir: "auto" }, data.abstained),
      data.missing ? el("p", { class: "small", dir: "auto" }, data.missing) : null));
  }
  return [
    data.above ? part(["above", data.above], () => el("p", { class: "small above", dir: "auto" }, data.above)) : null,
    data.short ? part(["short", data.short, data.sentences[0].notes], () =>
      el("p", { class: "short", dir: "auto" }, data.short, data.sentences[0].notes.map(shortNote))) : null,
    sentences(part, data),
    data.left_out ? leftOut(part, data, emit) : null,
    data.kept_out ? part(["kept out", data.kept_out], () => keptOut(data.kept_out)) : null,
    (data.remarks ?? []).map((remark) => part(["remark", remark], () => el("p", { class: "small", dir: "auto" }, remark))),
    data.stage ? stage(part, data, emit) : null,
  ];
}

// Those that weren't there at the drawing before appear one after the other; where they take the place of
// others, all at once.
function sentences(part, data) {
  const fresh = [];
  const one = (at, kind, make) => part(["sentence", at, kind, data.sentences[at]], () => {
    const node = make(data.sentences[at]);
    if (data.fresh) fresh.push(node);
    return node;
  });
  const nodes = data.sentences.some((item) => item.written) ? prose(part, data, one) : quotes(part, data.sentences, one);
  const delay = part.isGone("sentence") ? 0 : DELAY_MS;
  fresh.forEach((node, at) => {
    node.classList.add("new");
    node.style.animationDelay = `${Math.min(at, LAST_DELAYED) * delay}ms`;
  });
  return nodes;
}

function quotes(part, items, one) {
  const nodes = [];
  for (let at = 0; at < items.length; ) {
    const { labels, end } = tableFrom(items, at);
    const last = end - at > 1 ? end : listFrom(items, at);
    const places = Array.from({ length: Math.max(last, at + 1) - at }, (_, index) => at + index);
    if (end - at > 1) {
      const rows = places.map((place) => one(place, labels.join("|"), (item) => tableRow(item, labels)));
      nodes.push(part(["table", at, labels], () => table(labels)));
      refill(nodes.at(-1).querySelector("tbody"), rows);
    } else if (last - at > 1) {
      const rows = places.map((place) => one(place, "item", (item) => el("li", { class: "sentence" }, quoted(item), item.notes.map(note))));
      nodes.push(refill(part(["list", at], () => el("ul", { class: "items", dir: "auto" })), rows));
    } else {
      nodes.push(one(at, "", sentence));
    }
    at = Math.max(last, at + 1);
  }
  return nodes;
}

function sentence(item) {
  const notes = item.notes.map(note);
  if (item.blank) return el("p", { class: "sentence blank" }, item.blank, notes);
  if (!item.cells.length) return el("p", { class: "sentence", dir: "auto" }, quoted(item, /,$/.test(item.text) ? " …" : ""), notes);
  return el("p", { class: "sentence row", dir: "auto" }, item.cells.map((cell, index) => [
    index ? el("span", { class: "dot" }, " · ") : null,
    cell.label ? el("span", { class: "label" }, cell.label, " ") : null, cell.value]), notes);
}

// The same footnote stands behind the quote, under its own name.
function shortNote(item) {
  const holder = note(item);
  holder.querySelector("a").setAttribute("aria-label", `The short answer's source, ${item.name}`);
  return holder;
}

// Of a sentence that is too long to be quoted as a whole, `more` says that it goes on.
function quoted(item, more = "") {
  if (!item.quoted) return item.text;
  if (!item.marked?.length) return `“${item.text}${more}”`;
  const [before, words, after] = item.marked;
  return [`“${before}`, el("strong", {}, words), `${after}${more}”`];
}

// Where the rows end that fit one header, and the header: an empty cell has no label in its row.
function tableFrom(items, at) {
  let labels = [];
  let end = at;
  for (; end < items.length && items[end].document === items[at].document; end += 1) {
    const own = items[end].cells.map((cell) => cell.label);
    if (own.length < 2 || own.length > MOST_COLUMNS || new Set(own).size < own.length || own.includes("")) break;
    const [fewer, more] = own.length > labels.length ? [labels, own] : [own, labels];
    if (more.filter((label) => fewer.includes(label)).join("\n") !== fewer.join("\n")) break;
    labels = more;
  }
  return { labels, end };
}

function table(labels) {
  return el("div", { class: "wide" }, el("table", { class: "answer-rows", dir: "auto" },
    el("thead", {}, el("tr", {}, labels.map((label) => el("th", { scope: "col" }, label)))), el("tbody")));
}

// On a narrow screen the header is gone and each value stands behind its label.
function tableRow(item, labels) {
  const values = new Map(item.cells.map((cell) => [cell.label, cell.value]));
  const last = labels.findLastIndex((label) => values.has(label));
  return el("tr", { class: "sentence row" }, labels.map((label, index) =>
    el("td", {}, values.has(label) ? [el("span", { class: "label" }, label, " "), values.get(label)] : null,
      index === last ? item.notes.map(note) : null)));
}

// Where the items end that follow "...:" in the same article; `at` where there are none.
function listFrom(items, at) {
  const lead = items[at - 1];
  if (!lead?.quoted || !/[:：]\s*$/.test(lead.text)) return at;
  let end = at;
  while (end < items.length && items[end].quoted && !items[end].blank && items[end].document === lead.document) end += 1;
  return end;
}

// The number is a real link; its quote shows while it is pointed at or focused.
function note(item) {
  const tip = el("span", { class: "tip", "aria-hidden": "true", dir: "auto" }, item.blank || `“${item.quote}”`);
  const anchor = link({ class: "note", href: item.href, "aria-label": item.name }, String(item.number));
  const holder = el("sup", { class: "holder" }, anchor, tip);
  const place = () => {
    const at = anchor.getBoundingClientRect();
    const width = Math.min(340, innerWidth - 24);
    tip.style.width = `${width}px`;
    tip.style.left = `${Math.max(12, Math.min(at.left - width / 3, innerWidth - width - 12))}px`;
    tip.style.top = `${at.bottom + 8}px`;
  };
  anchor.addEventListener("mouseenter", place);
  anchor.addEventListener("focus", place);
  return holder;
}
