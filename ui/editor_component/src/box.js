// One editor of the page: CodeMirror inside of a gr.HTML, whose value is {text, marks}.
import { isolateHistory } from "@codemirror/commands";
import { indentUnit } from "@codemirror/language";
import { Annotation, Compartment, EditorState, Text } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { Growth } from "./growth.js";
import { languageSupport } from "./languages.js";
import { marksField, setMarks } from "./marks.js";
import { setup } from "./setup.js";

// Telling Gradio costs time in proportion to the text; with a long one, typing does not wait for it.
const LONG_CHARS = 50_000;
const PAUSE_MS = 200;
const GROWING_PAUSE_MS = 500;

const INDENT = { go: "\t" };
for (const name of "css dart html javascript json kotlin lua r ruby scala shell typescript yaml".split(" ")) {
  INDENT[name] = "  ";
}

const fromPage = Annotation.define();

export class Box {
  #props;
  #language = new Compartment();
  #access = new Compartment();
  #timer = null;
  #growth = new Growth();
  #copyGenerated;
  #hint;

  /** `props`: value (JSON of {text, marks}), grow, label, hint, name, language, interactive, lines, max_lines. */
  constructor(element, { props, watch }) {
    this.#props = props;
    const value = JSON.parse(props.value);
    const { section, title, copyGenerated, host, hint } = buildFrame(this);
    this.#copyGenerated = copyGenerated;
    this.#hint = hint;
    hint.id = `${props.name}-hint`;
    hint.textContent = props.hint;
    hint.hidden = value.text !== "";
    section.style.setProperty("--pg-lines", props.lines);
    section.style.setProperty("--pg-max-lines", props.max_lines);
    element.replaceChildren(section);
    this.view = new EditorView({
      parent: host,
      doc: Text.of(value.text.split("\n")),
      extensions: [
        setup,
        this.#language.of([]),
        this.#access.of([]),
        EditorView.contentAttributes.of(({ state }) => ({
          "aria-label": this.#props.label,
          ...(state.doc.length ? {} : { "aria-describedby": hint.id }),
        })),
        EditorView.updateListener.of((update) => this.#afterUpdate(update)),
      ],
    });
    this.view.dispatch({ effects: setMarks.of(value.marks), annotations: fromPage.of(true) });
    title.onclick = () => this.view.focus();
    const show = () => this.#show(title);
    show();
    watch(["language", "interactive", "label"], show);
    watch("value", () => this.#take(JSON.parse(this.#props.value)));
    watch("grow", () => this.#grow(this.#props.grow));
  }

  get text() {
    return this.view.state.doc.toString();
  }

  /** What a model wrote and nobody has edited. */
  get generated() {
    const { doc } = this.view.state;
    return this.view.state.field(marksField).map(([from, to]) => doc.sliceString(from, to)).join("");
  }

  /** How many characters, as Python counts them, stand before the selection's start and its end. */
  get selection() {
    const { from, to } = this.view.state.selection.main;
    return [from, to].map((place) => Array.from(this.view.state.doc.sliceString(0, place)).length);
  }

  /** Let Gradio know now what it would be told in a moment. */
  flush() {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#props.value = JSON.stringify({ text: this.text, marks: this.view.state.field(marksField) });
  }

  #show(title) {
    const { language, interactive, label } = this.#props;
    title.textContent = label;
    this.view.dispatch({
      effects: [
        this.#language.reconfigure([languageSupport(language), indentUnit.of(INDENT[language] ?? "    ")]),
        this.#access.reconfigure(EditorState.readOnly.of(interactive === false)),
      ],
    });
  }

  #afterUpdate(update) {
    this.#hint.hidden = update.state.doc.length > 0;
    this.#copyGenerated.hidden = !update.state.field(marksField).length;
    if (update.transactions.some((transaction) => transaction.annotation(fromPage))) return;
    if (!update.docChanged) return;
    const isTyped = !update.transactions.some((transaction) => transaction.isUserEvent("input.generate"));
    this.#timer ??= setTimeout(() => this.flush(), isTyped ? PAUSE_MS : GROWING_PAUSE_MS);
    if (isTyped && update.state.doc.length < LONG_CHARS) this.flush();
  }

  #grow(grow) {
    this.#growth.take(this.view, grow);
    if (grow.is_over) this.flush();
  }

  /** Put in what came from the server, and leave the caret in the part that is the same. */
  #take({ text, marks }) {
    clearTimeout(this.#timer);
    this.#timer = null;
    const changes = difference(this.text, text);
    this.view.dispatch({
      changes: changes ?? [],
      effects: setMarks.of(marks),
      annotations: [fromPage.of(true), isolateHistory.of("full")],
    });
  }
}

function difference(old, text) {
  if (old === text) return null;
  const shorter = Math.min(old.length, text.length);
  let from = 0;
  while (from < shorter && old.charCodeAt(from) === text.charCodeAt(from)) from++;
  let end = 0;
  while (end < shorter - from && old.charCodeAt(old.length - 1 - end) === text.charCodeAt(text.length - 1 - end)) end++;
  return { from, to: old.length - end, insert: text.slice(from, text.length - end) };
}

function buildFrame(box) {
  const section = document.createElement("section");
  section.className = "pg-code";
  const header = section.appendChild(document.createElement("header"));
  const title = header.appendChild(document.createElement("span"));
  const leaving = header.appendChild(document.createElement("small"));
  leaving.textContent = "Esc, then Tab leaves the editor";
  const copyGenerated = header.appendChild(buildCopy("Copy generated", () => box.generated));
  copyGenerated.hidden = true;
  header.append(buildCopy("Copy", () => box.text));
  const host = section.appendChild(document.createElement("div"));
  host.className = "pg-code-host";
  // Not CodeMirror's own: that stands in what is edited, which no translation touches.
  const hint = host.appendChild(document.createElement("p"));
  return { section, title, copyGenerated, host, hint };
}

/** A button for the page's own listener, which copies. */
function buildCopy(title, getText) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = title;
  button.dataset.copy = "";
  button.copyText = getText;
  return button;
}
