// The library: what became of the files, the table of articles, and what was removed.

const ROWS_AT_ONCE = 200;

views.progress = (root, data) => {
  fill(root,
    el("p", { class: "stage", role: "status" }, data.text),
    el("progress", { "aria-label": data.text, max: data.total || null, value: data.total ? data.done : null }),
    el("p", { class: "small what", dir: "auto" }, data.what || " "));
};

views.results = (root, data, emit) => {
  fill(root, el("ul", { "aria-label": "What became of the files", "aria-live": "polite" }, data.results.map((item) =>
    el("li", { class: item.state },
      el("span", { class: "title", dir: "auto" }, item.name), " ",
      el("span", { class: "outcome" }, item.text),
      item.choices.length ? el("span", { class: "choices" }, item.choices.map((choice) =>
        button(choice.label, () => emit({ do: choice.do, id: item.id }), { "aria-label": `${choice.label}: ${item.name}` }))) : null))));
};

// The articles of a feed, to tick those that are to be added.
views.entries = (root, data, emit) => {
  const list = choices("Article", data.entries, [], 0, 1);
  const add = el("button", { type: "submit", class: "main" });
  const count = () => {
    add.textContent = list.chosen().length ? `Add ${plural(list.chosen().length, "article")}` : "Add articles";
    add.disabled = !list.chosen().length;
  };
  const form = el("form", { class: "panel feed", "aria-label": `Articles of ${data.title}` }, list.node,
    el("div", { class: "actions" }, add, button("Leave it", () => emit({ do: "leave" }))));
  form.querySelector("legend").replaceChildren(data.title);
  form.addEventListener("change", count);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    emit({ do: "take", ids: list.chosen() });
  });
  fill(root, form);
  count();
};

views.removed = (root, data, emit) => {
  fill(root, el("details", {}, el("summary", {}, `Removed files that stay away (${data.items.length})`),
    el("ul", {}, data.items.map((item) => el("li", {},
      el("span", { class: "title", dir: "auto" }, item.title),
      el("span", { class: "small", dir: "auto" }, ` ${item.about} `),
      button("add back", () => emit({ do: "restore", key: item.key }), { "aria-label": `Add back ${item.title}` }))))));
};

const COLUMNS = [
  { name: "title", label: "Title" },
  { name: "source", label: "Publisher" },
  { name: "date", label: "Date", sort: "date_order" },
  { name: "kind", label: "Kind" },
  { name: "words", label: "Words", number: true },
  { name: "added", label: "Added", sort: "added_order" },
];

// Articles that tell the same are one group: the newest is its row, the others unfold below it.
views.table = (root, data, emit) => {
  root.sorted ||= { name: "added_order", down: true };
  root.unfolded ||= new Set();
  root.rows = ROWS_AT_ONCE;
  const old = root.querySelector("input");
  const field = el("input", { type: "search", placeholder: "Search titles, publishers, dates", "aria-label": "Search the articles" });
  field.value = old?.value || "";
  const table = el("div", { class: "rows" });
  const draw = () => table.replaceChildren(...tableNodes(root, data, field.value, draw, emit));
  field.addEventListener("input", draw);
  fill(root, field, table);
  draw();
};

function tableNodes(root, data, words, draw, emit) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (row) => wanted.every((word) => row.search.includes(word));
  const groups = data.groups.filter((group) => group.rows.some(fits));
  const sign = root.sorted.down ? -1 : 1;
  const order = (a, b) => compare(a[root.sorted.name], b[root.sorted.name]) * sign || compare(a.title, b.title);
  // A group stands where the first of its articles would.
  const first = new Map(groups.map((group) => [group, [...group.rows].sort(order)[0]]));
  groups.sort((a, b) => order(first.get(a), first.get(b)));
  if (!groups.length) return [el("p", { class: "line quiet", role: "status" }, "No article matches.")];
  const more = groups.length > root.rows ? el("p", {}, button(`show more of ${plural(groups.length, "article")}`, () => {
    root.rows += ROWS_AT_ONCE;
    draw();
  })) : null;
  return [el("table", { class: "documents" }, el("thead", {}, el("tr", {}, COLUMNS.map((column) => columnHead(root, column, draw)), el("td", {}))),
    el("tbody", {}, groups.slice(0, root.rows).map((group) => groupRows(root, group, fits, emit)))), more].filter(Boolean);
}

// The row of a group and those of its others, which are shown at once if only they are what is searched for.
function groupRows(root, group, fits, emit) {
  const [first, ...others] = group.rows;
  const rows = others.map((row) => documentRow(row, emit));
  if (!rows.length) return [documentRow(first, emit)];
  const show = (open) => rows.forEach((row) => (row.hidden = !open));
  const open = root.unfolded.has(first.id) || !fits(first);
  const unfold = button(group.label, () => {
    const opened = unfold.getAttribute("aria-expanded") !== "true";
    root.unfolded[opened ? "add" : "delete"](first.id);
    unfold.setAttribute("aria-expanded", String(opened));
    show(opened);
  }, { class: "others", "aria-expanded": String(open), "aria-label": `${group.label} of ${first.title}` });
  for (const row of rows) row.classList.add("other");
  show(open);
  return [documentRow(first, emit, unfold), ...rows];
}

function compare(a, b) {
  return typeof a === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
}

function columnHead(root, column, draw) {
  const name = column.sort || column.name;
  const mine = root.sorted.name === name;
  const press = () => {
    root.sorted = { name, down: mine ? !root.sorted.down : Boolean(column.sort || column.number) };
    draw();
    root.querySelector(`button[data-sort="${name}"]`).focus();
  };
  const arrow = mine ? (root.sorted.down ? " ↓" : " ↑") : "";
  return el("th", { scope: "col", class: column.name, "aria-sort": mine ? (root.sorted.down ? "descending" : "ascending") : null },
    button(column.label + arrow, press, { "data-sort": name }));
}

function documentRow(row, emit, unfold = null) {
  const node = el("tr", {}, COLUMNS.map((column) => el("td", { class: column.name, dir: "auto" },
    column.name === "title" ? [link({ href: row.href }, row.title), unfold] : column.number ? row[column.name].toLocaleString("en") : row[column.name])),
  el("td", { class: "remove" }, button("remove", () => emit({ do: "remove", id: row.id }), { "aria-label": `Remove ${row.title}` })));
  node.addEventListener("click", (event) => {
    if (!event.target.closest("a, button") && !getSelection().toString()) go(row.href);
  });
  return node;
}
