// The quality page: tables of figures, and the questions that went wrong.

views.caption = (root, data) => {
  fill(root, el("h2", { class: "caption" }, data.text));
};

views.figures = (root, data) => {
  fill(root, el("table", { class: "figures" },
    el("thead", {}, el("tr", {}, data.head.map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, data.rows.map((row) => el("tr", {}, row.map((cell, index) =>
      index ? el("td", {}, cell) : el("th", { scope: "row" }, cell)))))));
};

views.wrong = (root, data, emit) => {
  fill(root, el("table", { class: "wrong" },
    el("caption", { class: "small" }, "Press a question to ask it in the chat."),
    el("thead", {}, el("tr", {}, ["Question", "Expected", "What happened"].map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, data.rows.map((row) => el("tr", {},
      el("td", { class: "asked", dir: "auto" }, button(row.question, () => emit({ do: "ask", question: row.question }))),
      el("td", { class: "expected", dir: "auto" }, row.expected),
      el("td", {}, row.happened))))));
};
