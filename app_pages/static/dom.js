// Helpers for all views. Text is only ever set as text nodes: nothing a document, a file name or a
// user holds can become markup.

function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") node.addEventListener("click", value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null && value !== "") node.setAttribute(name, value);
  }
  return fill(node, ...children);
}

// Put children in the place of what is there; absent ones may be null.
function fill(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter((child) => child != null && child !== ""));
  return node;
}

// Put children in the place of what is there, too, but leave those where they are that stay: they keep
// focus, selection and what is unfolded, and a screen reader is told only of the new ones.
function refill(node, ...children) {
  const wanted = children.flat(Infinity).filter((child) => child != null);
  const staying = new Set(wanted);
  for (const child of [...node.childNodes]) if (!staying.has(child)) child.remove();
  wanted.forEach((child, at) => node.childNodes[at] === child || node.insertBefore(child, node.childNodes[at] ?? null));
  return node;
}

// Gives the part of a view that shows `data` (its name first), as it was made at an earlier drawing or new.
function keeper(root) {
  const earlier = root.parts ?? new Map();
  const parts = (root.parts = new Map());
  const part = (data, make) => {
    const key = JSON.stringify(data);
    if (!parts.has(key)) parts.set(key, earlier.get(key) ?? make());
    return parts.get(key);
  };
  part.isGone = (name) => [...earlier.keys()].some((key) => key.startsWith(`["${name}",`) && !parts.has(key));
  return part;
}

function plural(number, thing) {
  return `${number.toLocaleString("en")} ${thing}${number === 1 ? "" : "s"}`;
}

// Go to another page of the app in the same session. Streamlit has no way to do this from a link in
// running text: it follows the browser's own back and forward buttons, though, by listening to
// `popstate`. So make the history entry as the browser would, and say that it was gone to.
function go(href) {
  history.pushState({}, "", href);
  window.dispatchEvent(new PopStateEvent("popstate", { state: {} }));
}

// A real link, so that it can be copied and opened in a new tab; only the plain click stays here.
function link(attributes, ...children) {
  const node = el("a", attributes, ...children);
  node.addEventListener("click", (event) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(node.href);
  });
  return node;
}

function button(label, onclick, attributes = {}) {
  return el("button", { type: "button", onclick, ...attributes }, label);
}

// A button that shows and hides a part of the page.
function unfolding(label, node) {
  const one = button(label, () => {
    node.hidden = !node.hidden;
    one.setAttribute("aria-expanded", String(!node.hidden));
  }, { "aria-expanded": "false" });
  return one;
}

// Asks once more in its own place, and forgets the question when the focus goes elsewhere.
function carefulButton(label, name, question, onclick) {
  const node = button(label, () => (node.classList.contains("sure") ? onclick() : ask(true)));
  const ask = (sure) => {
    node.textContent = sure ? question : label;
    node.setAttribute("aria-label", sure ? question : name);
    node.classList.toggle("sure", sure);
  };
  node.addEventListener("blur", () => ask(false));
  ask(false);
  return node;
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without https browsers offer the clipboard only to a selection.
    const area = el("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

function copyButton(label, text) {
  const node = button(label, async () => {
    await copyText(text);
    node.textContent = "copied";
    setTimeout(() => (node.textContent = label), 1500);
  });
  return node;
}

const views = {
  line: (root, data) => {
    fill(root, el("p", { class: `line ${data.tone}`, role: data.tone === "alert" ? "alert" : "status" }, data.text));
  },
};
