// The line at the top. Streamlit's own menu hides behind a button on narrow screens, and its links
// lose which conversation one came from.

views.header = (root, data) => {
  fill(root,
    link({ class: "wordmark", href: "/" }, "Footnote"),
    el("nav", { "aria-label": "Pages" }, data.pages.map((page) =>
      link({ href: page.href, "aria-current": page.current ? "page" : null }, page.title))));
};
