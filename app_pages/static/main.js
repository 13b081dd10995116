// The entry: Streamlit calls it when the component is mounted and whenever its data have changed.

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  let root = parentElement.querySelector(".view");
  if (!root) {
    root = el("div", { class: "view" });
    parentElement.append(root);
  }
  // What was drawn before says it by the newest way: one of a fragment that is gone leads nowhere.
  root.emit = (event) => setTriggerValue("event", event);
  const state = JSON.stringify(data);
  // Drawing again what is there would take away focus, selection and what was unfolded.
  if (root.state !== state) {
    root.state = state;
    root.className = `view ${data.view}`;
    views[data.view](root, data, (event) => root.emit(event));
  }
  return () => root.stop?.();
}
