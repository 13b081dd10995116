// Find in an article.

const MOST_FOUND = 500;

function finder(root) {
  const field = el("input", { type: "search", placeholder: "Find in article", "aria-label": "Find in article" });
  const state = el("span", { class: "found small", role: "status" });
  let at = -1;
  const search = () => {
    clearFound(root);
    at = -1;
    const words = field.value.trim();
    if (words) markFound(root.querySelector(".text"), words);
    step(1);
  };
  const step = (by) => {
    const found = [...root.querySelectorAll("mark.found")];
    if (!field.value.trim()) state.textContent = "";
    else if (!found.length) state.textContent = "not found";
    else {
      at = (at + by + found.length) % found.length;
      found.forEach((mark, index) => mark.classList.toggle("here", index === at));
      state.textContent = `${at + 1} of ${found.length}${found.length >= MOST_FOUND ? "+" : ""}`;
      holdAt(root, () => putAt(root, found[at], 1 / 3), 0);
    }
  };
  field.addEventListener("input", search);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
    if (event.key === "Escape") {
      field.value = "";
      search();
    }
  });
  return el("span", { class: "finder" }, state, field);
}

function clearFound(root) {
  for (const mark of root.querySelectorAll("mark.found")) {
    const parent = mark.parentNode;
    mark.replaceWith(...mark.childNodes);
    parent.normalize();
  }
}

// What is looked for may run over the edge of a highlighted place, so each block is read as a whole.
function markFound(text, words) {
  const pattern = new RegExp(words.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/\s+/g, "\\s+"), "giu");
  let left = MOST_FOUND;
  for (const block of text.querySelectorAll(".block, td, th")) {
    const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT, {
      acceptNode: (node) => (node.parentElement.closest("sup") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT),
    });
    const nodes = [];
    while (walker.nextNode()) nodes.push(walker.currentNode);
    const whole = nodes.map((node) => node.data).join("");
    for (const match of [...whole.matchAll(pattern)].slice(0, left).reverse()) {
      wrap(nodes, match.index, match.index + match[0].length);
      left -= 1;
    }
    if (left <= 0) return;
  }
}

// From the last match to the first, so that the positions before it stay right.
function wrap(nodes, start, end) {
  let offset = nodes.reduce((sum, node) => sum + node.data.length, 0);
  for (const node of [...nodes].reverse()) {
    offset -= node.data.length;
    const from = Math.max(start - offset, 0);
    const to = Math.min(end - offset, node.data.length);
    if (from >= to) continue;
    const range = document.createRange();
    range.setStart(node, from);
    range.setEnd(node, to);
    range.surroundContents(el("mark", { class: "found" }));
  }
}
