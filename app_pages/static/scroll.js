// Where the page is scrolled to: kept for each conversation, so that the way back from an article
// and a reload find it where it was.

function scroller(root) {
  let node = root.getRootNode().host || root;
  while (node && !/auto|scroll/.test(getComputedStyle(node).overflowY)) node = node.parentElement;
  return node || document.scrollingElement;
}

// Scroll so that a node stands below the header, by this share of the window.
function putAt(root, node, share) {
  const header = document.querySelector(".st-key-header")?.getBoundingClientRect().bottom || 0;
  scroller(root).scrollTop += node.getBoundingClientRect().top - Math.max(header, innerHeight * share);
}

// Other parts of the page may still be growing, or fonts loading: keep it there until things are
// calm, or until the user takes over.
function holdAt(root, place, seconds = 1.5) {
  const box = scroller(root);
  const end = performance.now() + seconds * 1000;
  let over = false;
  const stop = () => (over = true);
  for (const name of ["wheel", "touchstart", "keydown", "pointerdown"]) {
    window.addEventListener(name, stop, { once: true, passive: true });
  }
  const step = () => {
    if (over || !box.isConnected) return;
    place(box);
    if (performance.now() < end) requestAnimationFrame(step);
  };
  step();
}

views.keeper = (root, data) => {
  if (root.stop) return;
  const name = `footnote-scroll:${data.conversation}`;
  const box = scroller(root);
  const saved = sessionStorage.getItem(name);
  if (saved !== null) holdAt(root, () => (box.scrollTop = Number(saved)));
  const save = () => {
    // While one page is taken down and another put up the box scrolls by itself.
    if (new URLSearchParams(location.search).get("c") === data.conversation && !location.pathname.endsWith("/article")) {
      sessionStorage.setItem(name, Math.round(box.scrollTop));
    }
  };
  box.addEventListener("scroll", save, { passive: true });
  root.stop = () => box.removeEventListener("scroll", save);
};
