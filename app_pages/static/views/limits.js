// What the search is limited to, above the question box, and the panel to choose it in.

function limits(data, emit) {
  const send = (chosen) => emit({ do: "limit", ...chosen });
  const box = el("details", {},
    el("summary", {}, data.only ? "change" : "Limit the search"), panel(data, send, () => close()));
  const close = () => {
    box.open = false;
    box.querySelector("summary").focus();
  };
  box.addEventListener("keydown", (event) => event.key === "Escape" && close());
  box.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !box.contains(event.relatedTarget)) box.open = false;
  });
  return el("div", { class: "limits" },
    data.only ? el("span", { class: "only", dir: "auto", title: data.only }, `Only ${data.only}`) : null,
    data.only ? el("span", {}, " · ") : null, box,
    data.only ? el("span", {}, " · ") : null,
    data.only ? button("clear", () => send({ sources: [], since: "", until: "", articles: [] })) : null);
}

function panel(data, send, close) {
  const since = el("input", { type: "date", value: data.chosen.since, "aria-label": "From this day" });
  const until = el("input", { type: "date", value: data.chosen.until, "aria-label": "To this day" });
  const wrong = el("p", { class: "small", role: "alert" });
  const sources = choices("Publisher", data.sources, data.chosen.sources);
  const articles = choices("Article", data.articles, data.chosen.articles, data.more);
  const apply = () => {
    if (since.value && until.value && since.value > until.value) {
      wrong.textContent = "The first day comes after the last: exchange the two.";
      return;
    }
    send({ sources: sources.chosen(), since: since.value, until: until.value, articles: articles.chosen() });
    close();
  };
  const form = el("form", { class: "panel", "aria-label": "Limit the search" },
    sources.node,
    el("fieldset", { class: "days" }, el("legend", {}, "Published"),
      el("label", {}, "from", since), el("label", {}, "to", until), wrong),
    articles.node,
    el("div", { class: "actions" }, el("button", { type: "submit", class: "main" }, "Search only these"), button("Cancel", close)));
  // Also by Enter in one of its fields.
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    apply();
  });
  return form;
}

// A list to tick; a field to search it where it is long. What is ticked stays in sight.
function choices(name, items, chosen, more = 0, fewest = 2) {
  if (items.length < fewest && !chosen.length) return { node: null, chosen: () => [] };
  const held = new Set(items.map((item) => item.id));
  const gone = chosen.filter((id) => !held.has(id)).map((id) => ({ id, name: name === "Article" ? "No longer here" : id, note: "" }));
  const ticked = new Set(chosen);
  const all = [...gone, ...items].sort((a, b) => ticked.has(b.id) - ticked.has(a.id));
  const rows = all.map((item) => {
    const tick = el("input", { type: "checkbox", checked: ticked.has(item.id) });
    const row = el("label", { class: "choice", dir: "auto" }, tick, el("span", { class: "what" }, item.name),
      item.note ? el("span", { class: "note-text" }, item.note) : null);
    return { id: item.id, tick, row, words: item.name.toLowerCase() };
  });
  const search = el("input", { type: "search", placeholder: `Find among ${all.length.toLocaleString("en")}`, "aria-label": `Find: ${name}` });
  const none = el("p", { class: "small", role: "status" });
  const list = el("div", { class: "choices-list" }, none, rows.map((one) => one.row));
  search.addEventListener("input", () => {
    const wanted = search.value.trim().toLowerCase();
    // The panel keeps its height while one types.
    list.style.minHeight ||= `${list.offsetHeight}px`;
    for (const one of rows) one.row.hidden = Boolean(wanted) && !one.tick.checked && !one.words.includes(wanted);
    const found = rows.filter((one) => one.words.includes(wanted)).length;
    none.textContent = found ? "" : `No ${name.toLowerCase()} has “${search.value.trim()}” in its name.`;
  });
  search.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
  const node = el("fieldset", {}, el("legend", {}, name), all.length > 8 ? search : null,
    list,
    more ? el("p", { class: "small" }, `Of the newest; ${more.toLocaleString("en")} older ones are not listed.`) : null);
  return { node, chosen: () => rows.filter((one) => one.tick.checked).map((one) => one.id) };
}
