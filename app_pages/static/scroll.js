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

const PATIENCE_SECONDS = 8;

// Other parts of the page may still be growing, or fonts loading: keep it there until things are
// calm, or until the user takes over. While `place` returns false the page is not yet as long as that,
// and the time begins anew. Returns whether it is still held.
function holdAt(root, place, seconds = 1.5) {
  const box = scroller(root);
  const latest = performance.now() + PATIENCE_SECONDS * 1000;
  let end = performance.now() + seconds * 1000;
  let over = false;
  const stop = () => (over = true);
  for (const name of ["wheel", "touchstart", "keydown", "pointerdown"]) {
    window.addEventListener(name, stop, { once: true, passive: true });
  }
  const step = () => {
    if (over || !box.isConnected) return;
    const now = performance.now();
    if (place(box) === false && now < latest) end = now + seconds * 1000;
    if (now < end) requestAnimationFrame(step);
  };
  step();
  return () => !over && performance.now() < end;
}

views.keeper = (root, data) => {
  if (root.stop) return;
  const name = `footnote-scroll:${data.conversation}`;
  const box = scroller(root);
  const saved = sessionStorage.getItem(name);
  const isHeld = saved === null ? () => false : holdAt(root, () => {
    box.scrollTop = Number(saved);
    return Math.abs(box.scrollTop - Number(saved)) < 2;
  });
  const save = () => {
    if (isHeld()) return;
    // While one page is taken down and another put up the box scrolls by itself.
    if (new URLSearchParams(location.search).get("c") === data.conversation && !location.pathname.endsWith("/article")) {
      sessionStorage.setItem(name, Math.round(box.scrollTop));
    }
  };
  box.addEventListener("scroll", save, { passive: true });
  root.stop = () => box.removeEventListener("scroll", save);
};
