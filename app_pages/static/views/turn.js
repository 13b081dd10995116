// One question and its answer.

// The questions of this visit, each with where it is shown.
const asked = new Map();
const MOST_BARE = 4;

views.turn = (root, data, emit) => {
  const part = keeper(root);
  const box = part(["answer"], () => el("div", { class: "answer" }));
  if (data.fresh) box.setAttribute("aria-live", "polite");
  refill(box, answer(part, data, emit));
  root.classList.toggle("last", Boolean(data.last));
  refill(root,
    part(["question", data.question], () => el("h2", { class: "question", dir: "auto" }, data.question)),
    ["asked_as", "limited_to", "preferring"].map((name) =>
      data[name] ? part([name, data[name], data.question, data.asked_as], () => ASKED[name](data, emit)) : null),
    box,
    data.differing?.length ? part(["differing", data.differing], () => differing(data.differing)) : null,
    data.sources?.length ? part(["sources", data.sources], () =>
      el("ol", { class: "sources", "aria-label": "Sources" }, sources(data.sources))) : null,
    data.related?.length ? part(["related", data.related], () => related(data.related)) : null,
    data.summary ? part(["summary", data.summary, data.details, data.again, data.copy], () => summary(data, emit)) : null,
    data.sent?.length ? part(["sent", data.sent], () => sent(data.sent)) : null,
  );
  scrollToNewQuestion(root, data);
};

// Many places of one article that show no more than the answer does are folded behind the first.
function sources(items) {
  const nodes = [];
  for (let at = 0; at < items.length; ) {
    nodes.push(source(items[at], at, items));
    let end = at + 1;
    while (end < items.length && items[end].document === items[at].document && isBare(items[end])) end += 1;
    const rest = items.slice(at + 1, end).map((item, index) => source(item, at + 1 + index, items));
    nodes.push(...(rest.length > MOST_BARE ? [el("li", { class: "same more" }, el("details", {},
      el("summary", {}, `${plural(rest.length, "more place")} in this article`), el("ol", { class: "folded" }, rest)))] : rest));
    at = end;
  }
  return nodes;
}

function isBare(item) {
  return !item.before && !item.after && !item.blank && !item.copies?.length;
}

// Places in the same article follow one another under one title.
function source(item, index, items) {
  const isSame = index > 0 && items[index - 1].document === item.document;
  return el("li", { value: item.number, class: isSame ? "same" : null },
    el("span", { class: "number" }, String(item.number)),
    el("div", { class: "about" },
      isSame ? null : el("div", { class: "title", dir: "auto" }, item.title),
      isSame ? null : el("div", { class: "small", dir: "auto" }, [...item.origin, item.state].filter(Boolean).join(" · ")),
      item.blank
        ? el("div", { class: "excerpt blank" }, item.blank)
        : el("div", { class: "excerpt", dir: "auto" }, item.before, el("mark", {}, item.quote), item.after),
      item.copies?.length ? copies(item.copies) : null),
    link({ class: "open", href: item.href, "aria-label": `Open ${item.title} at the words of footnote ${item.number}` }, "Open"));
}

// The same words in other articles count as one source; many of them would hide the next one.
function copies(items) {
  const links = items.map((item, index) => [index ? " · " : null,
    link({ href: item.href, "aria-label": item.label, dir: "auto" }, item.name)]);
  return items.length > 3
    ? el("details", { class: "small copies" }, el("summary", {}, `Also in ${plural(items.length, "other article")}`), links)
    : el("p", { class: "small copies" }, "Also in ", links);
}

// What each source says, newest first: a list, so that a screen reader counts the values.
function differing(items) {
  return el("section", { class: "differing", "aria-label": "Sources differ" },
    el("h3", {}, "Sources differ"),
    el("ul", {}, items.map((item) => el("li", {},
      el("div", { class: "value", dir: "auto" }, item.value, note(item.note)),
      el("div", { class: "small", dir: "auto" }, item.source),
      el("div", { class: "small" }, item.day)))));
}

function related(items) {
  return el("details", { class: "related" },
    el("summary", {}, "Closest passages"),
    el("p", { class: "small" }, "Near the question, but no answer to it."),
    items.map((item) => el("div", { class: "passage" },
      link({ class: "title", href: item.href, dir: "auto" }, item.title),
      el("div", { class: "small", dir: "auto" }, [...item.origin, item.heading].filter(Boolean).join(" · ")),
      el("div", { class: "excerpt", dir: "auto" }, item.text))));
}

function askedAs(data, emit) {
  return el("p", { class: "small asked-as", dir: "auto" }, `Asked as: ${data.asked_as} · `,
    button("ask exactly what I wrote", () => emit({ do: "ask", question: data.question, alone: true })));
}

// For this one question; the limits of the next ones stay.
function limitedTo(data, emit) {
  return el("p", { class: "small asked-as", dir: "auto" }, `Only ${data.limited_to} · `,
    button("search everything", () => emit({ do: "ask", question: data.asked_as || data.question, alone: true, everything: true })));
}

function preferring(data, emit) {
  return el("p", { class: "small asked-as", dir: "auto" }, `Preferring ${data.preferring} · `,
    button("search without this", () => emit({ do: "ask", question: data.asked_as || data.question, alone: true, plain: true })));
}

const ASKED = { asked_as: askedAs, limited_to: limitedTo, preferring };

// Asking again asks the same: a follow-up would lean on what has been asked since.
function summary(data, emit) {
  const again = { do: "ask", question: data.asked_as || data.question, alone: true, anew: Boolean(data.again) };
  const more = data.details?.length ? el("p", { class: "details", hidden: true }, data.details.join(" ")) : null;
  return el("div", { class: "small summary" }, `${data.summary} · `, copyButton("copy", data.copy), " · ",
    button(data.again || "ask again", () => emit(again)),
    more ? [" · ", unfolding("details", more), more] : null);
}

// A new question goes to the top of the window, once; later draws of it leave the page where it is.
// Its place in the page may be made anew while it moves there, so it is looked up at each step.
function scrollToNewQuestion(root, data) {
  if (!data.fresh) return;
  const known = asked.has(data.fresh);
  asked.set(data.fresh, root);
  if (!known && data.number > 1) holdAt(root, () => putAt(asked.get(data.fresh), asked.get(data.fresh), 0), 0.8);
}
