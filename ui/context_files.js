// The list of a repository's files. Runs once when the component loads, with Gradio's `element` and
// `trigger`, below ui/picked_files.js.
const take = (files) => files.length && trigger("upload", { files });
let pressed = null;

const acts = {
  add: () => choose(take),
  back: () => trigger("undo", {}),
  up: (index) => trigger("apply", { index, to: index - 1 }),
  down: (index) => trigger("apply", { index, to: index + 1 }),
  remove: (index) => trigger("delete", { index }),
};
const moved = { up: -1, down: 1 };

element.addEventListener("click", ({ target }) => {
  const button = target.closest("button[data-act]");
  if (!button) return;
  const { act } = button.dataset;
  const index = Number(button.closest("li")?.dataset.index);
  if (act !== "add") pressed = { act, index: index + (moved[act] ?? 0) };
  acts[act](index);
});
element.addEventListener("change", ({ target }) => {
  const row = target.closest("li");
  // Under "path", Gradio would take it for a file of its own.
  if (row) trigger("edit", { index: Number(row.dataset.index), name: target.value });
});
receiveDrops(element.closest(".pg-repository"), take);

// Gradio patches the list in place: what was typed into a row stays there while the row becomes
// another file's, and so does the keyboard's place.
const settle = () => {
  for (const input of element.querySelectorAll("input")) {
    if (input !== document.activeElement) input.value = input.defaultValue;
  }
  if (!pressed) return;
  const { act, index } = pressed;
  pressed = null;
  const row = `li[data-index="${index}"]`;
  [`${row} [data-act=${act}]`, `${row} button`, "[data-act=add]"]
    .map((selector) => element.querySelector(`${selector}:enabled`))
    .find(Boolean)
    ?.focus({ preventScroll: true });
};
new MutationObserver(settle).observe(element, {
  attributes: true,
  characterData: true,
  childList: true,
  subtree: true,
});
