// What the page sees of the editors: `playgroundEditors`.
import { Box } from "./box.js";
import { languageNames } from "./languages.js";

const boxes = new Map();

window.playgroundEditors = {
  languageNames,
  /** Called by each gr.HTML that is an editor, once it stands on the page. */
  mount: (element, context) => boxes.set(context.props.name, new Box(element, context)),
  /** The editor of that name: `text`, `caret`, and CodeMirror's own `view`. */
  get: (name) => boxes.get(name),
};

// Before a click is heard by anything else: what it starts reads what was typed.
window.addEventListener("click", () => boxes.forEach((box) => box.flush()), true);
