// What a model has written: prose and lists, what was left out of it, and how far it is.

const ENDED = /[.!?…。！？।؟۔]["'”’»)\]]*$/;

// The sentences run on in paragraphs, and items of a list are set as one. Answers stored before sentences told
// their part have their lists in what follows "...:", and in lines without an end mark.
function prose(part, data, one) {
  const items = data.sentences;
  const struck = data.struck && data.left_out?.has_places ? data.left_out.items : [];
  const nodes = [];
  let kind = "";
  let children = [];
  const close = () => {
    if (children.length) nodes.push(refill(part(["run", kind, nodes.length], () => run(kind)), children));
    children = [];
  };
  const add = (wanted, node) => {
    if (wanted !== kind) close();
    kind = wanted;
    children.push(node);
  };
  const strike = (position) => struck.forEach((item, at) => item.position === position && item.text
    && add(kind || "prose", part(["struck", at, kind, item], () => el(kind === "list" ? "li" : "span", {}, crossedOut(item)))));
  const tellsParts = items.some((item) => item.part);
  const isItem = (at) => items[at]?.written && !ENDED.test(items[at].text);
  const said = (at) => one(at, "prose", () => written(items[at]));
  const further = (at) => items[at + 1]?.part === "more" ? [said(at + 1), ...further(at + 1)] : [];
  let hasLead = false;
  items.forEach((item, at) => {
    strike(at);
    const listed = tellsParts ? item.part === "item" : hasLead || (isItem(at) && (isItem(at - 1) || isItem(at + 1)));
    if (item.part === "more" && kind === "list") return;
    add(listed ? "list" : "prose", listed ? refill(part(["item", at], () => el("li")), said(at), further(at)) : said(at));
    if (tellsParts ? item.part === "lead" : /[:：]$/.test(item.text)) {
      hasLead = true;
      close();
    }
  });
  strike(items.length);
  close();
  return nodes;
}

function run(kind) {
  return kind === "list" ? el("ul", { class: "items", dir: "auto" }) : el("p", { class: "prose", dir: "auto" });
}

function written(item) {
  return el("span", { class: item.blank ? "sentence blank" : "sentence" }, item.blank || item.text, item.notes.map(note), " ");
}

function crossedOut(item) {
  return [unseen("Left out: "), el("del", { title: item.reason }, item.text), unseen(" End of what was left out."), " "];
}

function unseen(text) {
  return el("span", { class: "unseen" }, text);
}

function leftOut(part, data, emit) {
  const { line, items, has_places: hasPlaces } = data.left_out;
  const node = part(["left out", data.left_out], () => {
    const tick = el("input", { type: "checkbox" });
    tick.addEventListener("change", () => emit({ do: "strike", on: tick.checked }));
    return el("details", { class: "small left-out" }, el("summary", {}, line),
      el("ul", {}, items.map((item) => el("li", {}, el("div", { dir: "auto" }, item.blank || item.text),
        item.reason ? el("div", { class: "reason", dir: "auto" }, item.reason) : null))),
      hasPlaces ? el("label", {}, tick, " Show what was left out in its place, struck out") : null);
  });
  for (const tick of node.querySelectorAll("input")) tick.checked = Boolean(data.struck);
  return node;
}

// Sentences of the articles that bore nothing, as they give orders; each leads to its place.
function keptOut({ line, items }) {
  return el("details", { class: "small left-out kept-out" }, el("summary", { dir: "auto" }, line),
    el("ul", {}, items.map((item) => el("li", {}, el("div", { dir: "auto" }, `“${item.text}”`),
      el("div", { dir: "auto" }, item.href ? link({ href: item.href, "aria-label": `Open ${item.title} at this sentence` }, item.title) : item.title)))));
}

// What is happening, for how long nothing new has come, and the button to stop it.
function stage(part, data, emit) {
  const node = part(["stage"], () => el("p", { class: "stage" }, el("span"), el("span", { class: "waited", "aria-hidden": "true" })));
  const [text, waited] = node.children;
  if (text.textContent !== data.stage) text.textContent = data.stage;
  waited.textContent = data.waited ? ` · ${data.waited}` : "";
  const stop = data.stoppable ? part(["stop"], () => el("span", {}, " · ", button("stop", () => emit({ do: "stop", number: data.number }), { "aria-label": "stop answering" }))) : null;
  return refill(node, text, waited, stop);
}

function sent(messages) {
  return el("details", { class: "small sent" }, el("summary", {}, `What the model was sent: ${plural(messages.length, "message")}`),
    messages.map(([role, text]) => [el("h3", {}, role), el("pre", { dir: "auto", tabindex: 0 }, text)]));
}
