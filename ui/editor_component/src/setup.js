// What every editor of the page can do.
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, indentOnInput } from "@codemirror/language";
import { search, searchKeymap } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import {
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { growth } from "./growth.js";
import { lineEnds } from "./line_ends.js";
import { marks } from "./marks.js";
import { theme } from "./theme.js";

// Ctrl+Enter is the page's: it generates.
const keys = defaultKeymap.filter(({ key }) => key !== "Mod-Enter");

/** A carriage return has a sign of its own; CodeMirror's bullet could be any control character. */
const specialChars = highlightSpecialChars({
  render(code, description) {
    const sign = document.createElement("span");
    sign.className = "cm-specialChar";
    sign.textContent = code === 13 ? "␍" : "•";
    sign.title = description;
    sign.setAttribute("aria-label", description);
    return sign;
  },
});

export const setup = [
  // Else \r and \r\n would be taken for \n, and what the page put in would come back changed.
  EditorState.lineSeparator.of("\n"),
  EditorState.tabSize.of(4),
  lineNumbers(),
  history(),
  specialChars,
  indentOnInput(),
  bracketMatching(),
  highlightActiveLine(),
  highlightActiveLineGutter(),
  search({ top: true }),
  theme,
  marks,
  growth,
  lineEnds,
  // The keyboard user leaves by Esc, then Tab: CodeMirror lets the Tab after an Escape pass.
  keymap.of([indentWithTab, ...searchKeymap, ...keys, ...historyKeymap]),
];
