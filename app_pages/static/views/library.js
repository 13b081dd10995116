// The library: what became of the files, the table of articles, and what was removed.

const ROWS_AT_ONCE = 200;

views.progress = (root, data) => {
  fill(root,
    el("p", { class: "stage", role: "status" }, data.text),
    el("progress", { "aria-label": data.text, max: data.total || null, value: data.total ? data.done : null }),
    el("p", { class: "small what", dir: "auto" }, data.what || " "));
};

// What is being added by hand, one block each. A block stays where it is while its numbers change several
// times a second: a press of its button must not meet another one.
views.addings = (root, data, emit) => {
  const earlier = root.blocks ?? new Map();
  root.blocks = new Map(data.addings.map((item) => [item.id, earlier.get(item.id) ?? addingBlock(item, emit)]));
  data.addings.forEach((item) => root.blocks.get(item.id).show(item));
  refill(root, [...root.blocks.values()].map((block) => block.node));
};

// How the followed folders are. It is drawn anew every second or so: what hasn't changed stays where it is.
views.following = (root, data, emit) => {
  const part = keeper(root);
  const line = part(["line"], () => el("p", { class: "stage" }));
  line.replaceChildren(data.text, " ");
  if (data.button) line.append(part(["button", data.button], () => button(data.button, () => emit({ do: data.button }),
    { "aria-label": data.button === "pause" ? "Pause reading the folders" : "Go on reading the folders" })));
  const bar = part(["bar"], () => [el("progress", { "aria-label": "Reading the folders" }), el("p", { class: "small what", dir: "auto" })]);
  // It keeps its place when there is nothing to tell.
  bar[0].style.visibility = data.total ? "visible" : "hidden";
  Object.assign(bar[0], { max: data.total || 1, value: data.done });
  bar[1].textContent = data.what;
  const notes = data.notes.map((note) => part(["note", note], () => el("p", { class: "line alert", role: "alert" }, note)));
  refill(root, line, bar, notes, data.failures.length ? unreadFiles(root, data.failures, part, emit) : null);
};

const FEW_FAILURES = 5;

function unreadFiles(root, failures, part, emit) {
  const details = part(["unread"], () => el("details", { class: "unread", onclick: (event) => {
    if (event.target.closest("summary")) details.isChosen = true;
  } }));
  if (!details.isChosen) details.open = failures.length <= FEW_FAILURES;
  const text = failures.length === 1 ? "1 file could not be read" : `${failures.length} files could not be read`;
  const tryAgain = (label, event, name) => {
    const node = button(label, () => {
      emit(event);
      node.textContent = "trying again";
      node.disabled = true;
    }, { "aria-label": name });
    return node;
  };
  const state = failures.map((one) => one.file + one.tried).join();
  refill(details, part(["count", text], () => el("summary", {}, text)),
    failures.length > 1 ? part(["all", state], () => el("p", { class: "small" }, tryAgain("try all again", { do: "retry all" }, "Try all files again"))) : null,
    part(["files", state], () => el("ul", {}, failures.map((one) => el("li", {},
      el("span", { class: "title", dir: "auto" }, one.name), " ",
      el("span", { class: "outcome" }, one.reason), " ",
      el("span", { class: "small", title: one.tried }, tryAgain("try again", { do: "retry", file: one.file }, `Try again: ${one.name}`)))))));
  return details;
}

function addingBlock(item, emit) {
  const text = el("p", { class: "now", role: "status" });
  const bar = el("progress", { "aria-label": item.name });
  const what = el("p", { class: "small what", dir: "auto" });
  const cancel = button("cancel", () => emit({ do: "cancel", id: item.id }), { "aria-label": `Cancel: ${item.name}` });
  const set = (node, words) => node.textContent !== words && (node.textContent = words);
  return {
    node: el("div", { class: "adding" }, el("div", { class: "head" }, text, cancel), bar, what),
    show(now) {
      set(text, now.text);
      set(what, [now.note, now.what].filter(Boolean).join(" · ") || " ");
      bar.hidden = what.hidden = now.waits;
      bar.max = now.total || 1;
      bar.value = now.done;
      cancel.hidden = !now.cancel;
    },
  };
}

// What needs a choice or could not be added stands first; of the rest only so many are unfolded.
const RESULTS_SHOWN = 5;

views.results = (root, data, emit) => {
  const part = keeper(root);
  const line = (item) => part(item, () => resultLine(item, emit));
  const urgent = data.results.filter((item) => ["asks", "failed", "stopped"].includes(item.state));
  const quiet = data.results.filter((item) => !urgent.includes(item));
  const folded = quiet.length > RESULTS_SHOWN ? quiet.splice(RESULTS_SHOWN) : [];
  const list = part(["list"], () => el("ul", { "aria-label": "What became of the files", "aria-live": "polite" }));
  refill(list, urgent.map(line), quiet.map(line), folded.length ? foldedLine(part, folded, line) : null);
  // Only what is seen: what has come since stays.
  root.ids = data.results.map((item) => item.id);
  const told = data.told ? part(["told"], () => el("p", { class: "told" })) : null;
  if (told) told.textContent = data.told;
  refill(root, told, list, data.dismiss ? part(["dismiss"], () => el("p", { class: "small" }, button("dismiss", () => emit({ do: "dismiss", ids: root.ids }), { "aria-label": "Dismiss what became of the files" }))) : null);
};

function foldedLine(part, folded, line) {
  const item = part(["more"], () => el("li", { class: "more" }, el("details", {}, el("summary"), el("ul"))));
  item.querySelector("summary").textContent = `${plural(folded.length, "more file")} in order`;
  refill(item.querySelector("ul"), folded.map(line));
  return item;
}

function resultLine(item, emit) {
  return el("li", { class: item.state },
    el("span", { class: "title", dir: "auto" }, item.name), " ",
    el("span", { class: "outcome" }, item.text),
    item.choices.length ? el("span", { class: "choices" }, item.choices.map((choice) =>
      button(choice.label, () => emit({ do: choice.do, id: item.id }), { "aria-label": `${choice.label}: ${item.name}` }))) : null);
}

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
