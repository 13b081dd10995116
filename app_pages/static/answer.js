// How the sentences of an answer are set: the rows of a table as a table, the items of a list as a list,
// and all others as paragraphs.

// With more columns a row is easier to read as one line, each value behind its label.
const MOST_COLUMNS = 6;
const DELAY_MS = 120;
const LAST_DELAYED = 5;

function answer(data, shown, emit) {
  if (data.error) {
    return [el("p", { class: "line alert", role: "alert" }, data.error),
      el("p", { class: "small" }, button("ask again", () => emit({ do: "ask", question: data.question, alone: data.alone, plain: data.plain })))];
  }
  if (data.abstained) {
    return [el("p", { class: "declined", dir: "auto" }, data.abstained),
      data.missing ? el("p", { class: "small", dir: "auto" }, data.missing) : null];
  }
  const remarks = (data.remarks ?? []).map((remark) => el("p", { class: "small", dir: "auto" }, remark));
  return [...sentences(data.sentences, data.fresh ? shown : Infinity), ...remarks,
    data.stage ? el("p", { class: "stage" }, data.stage) : null];
}

// Those from `shown` on have just come.
function sentences(items, shown) {
  const nodes = [];
  const appear = (node, at) => {
    if (at >= shown) {
      node.classList.add("new");
      node.style.animationDelay = `${Math.min(at - shown, LAST_DELAYED) * DELAY_MS}ms`;
    }
    return node;
  };
  for (let at = 0; at < items.length; ) {
    const { labels, end } = tableFrom(items, at);
    const last = end - at > 1 ? end : listFrom(items, at);
    if (end - at > 1) {
      nodes.push(table(labels, items.slice(at, end).map((item, index) => appear(tableRow(item, labels), at + index))));
    } else if (last - at > 1) {
      nodes.push(el("ul", { class: "items", dir: "auto" },
        items.slice(at, last).map((item, index) => appear(el("li", { class: "sentence" }, quoted(item), item.notes.map(note)), at + index))));
    } else {
      nodes.push(appear(sentence(items[at]), at));
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

// Of a sentence that is too long to be quoted as a whole, `more` says that it goes on.
function quoted(item, more = "") {
  return item.quoted ? `“${item.text}${more}”` : item.text;
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

function table(labels, rows) {
  return el("div", { class: "wide" }, el("table", { class: "answer-rows", dir: "auto" },
    el("thead", {}, el("tr", {}, labels.map((label) => el("th", { scope: "col" }, label)))), el("tbody", {}, rows)));
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
