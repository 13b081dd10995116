// The line above the question box: what the search is limited to, and how answers are made.

const MODES = { generate: "Written", quote: "Quotes" };

views.options = (root, data, emit) => {
  const part = keeper(root);
  const modes = data.mode ? part(["modes"], () => modeSwitch(emit)) : null;
  refill(root, part(["line"], () => el("div", { class: "line-above small" })));
  refill(root.firstChild,
    data.limits ? part(["limits", data.limits], () => limits(data.limits, emit)) : null, modes);
  for (const one of modes?.querySelectorAll("input") ?? []) one.checked = one.value === data.mode;
};

function modeSwitch(emit) {
  return el("fieldset", { class: "modes" }, el("legend", { class: "unseen" }, "How the next answers are made"),
    Object.entries(MODES).map(([mode, label]) => {
      const choice = el("input", { type: "radio", name: "mode", value: mode, class: "unseen" });
      choice.addEventListener("change", () => emit({ do: "mode", mode }));
      return el("label", {}, choice, el("span", {}, label));
    }));
}
