// The first visit, and the line above a conversation.

views.welcome = (root, data, emit) => {
  fill(root,
    el("h1", { class: "collection" }, data.line),
    data.empty ? el("p", {}, link({ href: "/library" }, "Add articles on the Library page"), ".") : null,
    el("ul", { class: "starters", "aria-label": "Questions to start with" },
      data.starters.map((question) => el("li", {}, button(question, () => emit({ do: "ask", question }), { dir: "auto" })))),
  );
};

views.bar = (root, data, emit) => {
  const open = root.querySelector("details")?.open;
  fill(root,
    data.begun ? [el("h1", { class: "unseen" }, "Conversation"), link({ href: "/" }, "New conversation")] : null,
    data.earlier.length ? earlier(data.earlier, emit, open) : null,
  );
};

function earlier(items, emit, open) {
  const box = el("details", { class: "earlier", open },
    el("summary", {}, "Earlier conversations"),
    el("ul", {}, items.map((item) => el("li", {},
      link({ href: item.href, dir: "auto", "aria-current": item.current ? "true" : null }, item.title),
      el("span", { class: "small" }, item.when),
      carefulButton("delete", `Delete the conversation “${item.title}”`, "delete for good?",
        () => emit({ do: "forget", id: item.id }))))));
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    box.open = false;
    box.querySelector("summary").focus();
  });
  box.addEventListener("click", (event) => {
    if (event.target.closest("a")) box.open = false;
  });
  // Anything else that is pressed or tabbed to; after a deletion the focus is nowhere, and it stays open.
  box.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !box.contains(event.relatedTarget)) box.open = false;
  });
  return box;
}
