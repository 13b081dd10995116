// An article as a page to read, with the places that a conversation cites marked in it.

views.article = (root, data) => {
  fill(root, head(data), notices(data), toolbar(root, data), body(data.blocks, data.places, data.page_word));
  choose(root, data, data.current, false);
};

function head(data) {
  const origin = [...data.origin, data.file].filter(Boolean);
  const parts = origin.map((part) => el("span", { dir: "auto" }, part));
  // Only an address of the web is a link: a document's metadata could name a script instead.
  if (data.url) parts.push(el("a", { href: data.url, target: "_blank", rel: "noopener noreferrer" }, "original"));
  return el("header", {},
    data.back ? el("p", { class: "back" }, link({ href: data.back }, "← Back to the conversation")) : null,
    el("h1", { dir: "auto" }, data.title),
    parts.length ? el("p", { class: "small meta" }, parts.flatMap((part, index) => (index ? [" · ", part] : [part]))) : null);
}

function notices(data) {
  return el("div", { class: "notices" },
    data.note ? el("p", { class: "line plain", role: "status" }, data.note) : null,
    data.quotes.map((item) => el("blockquote", { dir: "auto" }, el("mark", {}, item.quote),
      item.number ? el("span", { class: "small" }, ` Footnote ${item.number} of “${item.question}”`) : null)));
}

function toolbar(root, data) {
  if (!data.blocks.length) return null;
  const bar = el("nav", { class: "toolbar", "aria-label": "Places in this article" });
  if (data.groups.length) bar.append(el("div", { class: "groups" }, data.groups.map((group) =>
    el("div", { class: "group" }, el("span", { class: "from", dir: "auto" }, `From “${group.question}”`),
      el("span", { class: "numbers" }, group.places.map((place) =>
        button(String(place.number), () => choose(root, data, place.id), {
          "data-place": place.id, "aria-label": `Place ${place.number} from “${group.question}”` })))))));
  const order = data.places.map((place) => place.id);
  const step = (by) => choose(root, data, order[(order.indexOf(root.current) + by + order.length) % order.length]);
  bar.append(el("div", { class: "tools" },
    order.length > 1 ? [button("previous place", () => step(-1)), button("next place", () => step(1))] : null,
    finder(root),
    copyButton("copy link", new URL(data.share, location.href).href)));
  return bar;
}

function choose(root, data, id, byUser = true) {
  root.current = id;
  for (const mark of root.querySelectorAll("mark[data-places]")) {
    mark.classList.toggle("current", mark.dataset.places.split(" ").includes(String(id)));
  }
  for (const node of root.querySelectorAll("button[data-place]")) {
    node.setAttribute("aria-pressed", node.dataset.place === String(id));
  }
  const group = root.querySelector('.group:has([aria-pressed="true"])');
  if (group) group.parentElement.scrollTop = group.offsetTop - group.parentElement.offsetTop;
  const first = root.querySelector("mark.current");
  if (!first) {
    holdAt(root, (box) => (box.scrollTop = 0), 0.3);
    return;
  }
  first.setAttribute("tabindex", "-1");
  first.focus({ preventScroll: true });
  holdAt(root, () => putAt(root, first, 1 / 3), 0.8);
  const href = data.places.find((place) => place.id === id)?.href;
  if (href && byUser) history.replaceState(history.state, "", href);
}

// Blocks in order; the rows of a table and the items of a list that follow one another are put together.
function body(blocks, places, word) {
  const numbers = new Map(places.filter((place) => place.number).map((place) => [place.id, place]));
  const text = el("div", { class: "text" });
  let open = null;
  let page = null;
  for (const block of blocks) {
    if (block.page && block.page !== page) {
      page = block.page;
      open = null;
      text.append(el("div", { class: "page-break", role: "separator", "aria-label": `${word} ${page}` }, `${word} ${page}`));
    }
    const kind = block.kind.startsWith("table") ? "table" : block.kind === "list_item" ? "ul" : null;
    if (!kind || open?.tagName.toLowerCase() !== kind || block.kind === "table_header") {
      open = kind ? el(kind, { dir: "auto" }) : null;
      if (open) text.append(kind === "table" ? el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Table" }, open) : open);
    }
    (open || text).append(blockNode(block, numbers));
  }
  return text;
}

function blockNode(block, numbers) {
  if (block.kind.startsWith("table")) {
    const cell = block.kind === "table_header" ? "th" : "td";
    return el("tr", {}, block.cells.map((pieces) => el(cell, {}, pieces.flatMap((piece) => pieceNodes(piece, numbers)))));
  }
  const tag = { heading: `h${Math.min(6, Math.max(2, block.level))}`, list_item: "li", code: "pre" }[block.kind] || "p";
  // A table and a list have one direction, and find it only in children that set none of their own.
  return el(tag, { class: "block", dir: tag === "li" ? null : "auto" }, block.cells[0].flatMap((piece) => pieceNodes(piece, numbers)));
}

function pieceNodes(piece, numbers) {
  if (!piece.places.length) return [document.createTextNode(piece.text)];
  const mark = el("mark", { "data-places": piece.places.join(" ") }, piece.text);
  // Two questions may cite the same words under the same number: twice it would read as another.
  const ends = new Map();
  for (const place of piece.ends.map((id) => numbers.get(id)).filter(Boolean)) {
    ends.set(place.number, [...(ends.get(place.number) ?? []), `From “${place.question}”`]);
  }
  return [mark, ...[...ends].map(([number, from]) => el("sup", { class: "place", title: from.join("\n") }, String(number)))];
}
