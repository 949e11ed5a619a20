// Carriage returns. Text that the page puts in keeps them, and they are seen and counted; text that
// is pasted has them from its clipboard (Windows writes \r\n whatever the file had), and loses them.
import { StateEffect, StateField } from "@codemirror/state";
import { EditorView, showPanel } from "@codemirror/view";

const RETURN = /\r/g;
const pasted = StateEffect.define();

const count = (text) => (text.match(RETURN) ?? []).length;

const returns = StateField.define({
  create: (state) => ({ num: count(state.doc.toString()), wasPasted: false }),
  update(value, transaction) {
    let { num, wasPasted } = value;
    if (transaction.docChanged) {
      wasPasted = false;
      transaction.changes.iterChanges((fromA, toA, fromB, toB, inserted) => {
        num += count(inserted.toString()) - count(transaction.startState.sliceDoc(fromA, toA));
      });
    }
    for (const effect of transaction.effects) if (effect.is(pasted)) wasPasted = true;
    return num === value.num && wasPasted === value.wasPasted ? value : { num, wasPasted };
  },
  provide: (field) =>
    showPanel.from(field, ({ num, wasPasted }) => (num || wasPasted ? buildPanel(num) : null)),
});

const buildPanel = (num) => (view) => {
  const dom = document.createElement("div");
  dom.className = "pg-line-ends";
  dom.setAttribute("role", "status");
  const words = dom.appendChild(document.createElement("span"));
  if (!num) {
    words.textContent = "Pasted with Windows line ends (\\r\\n); here they are \\n.";
    return { dom };
  }
  words.textContent = `${num.toLocaleString("en")} carriage return${num > 1 ? "s" : ""} (\\r), shown as ␍; the model sees them.`;
  const button = dom.appendChild(document.createElement("button"));
  button.type = "button";
  button.textContent = "Turn into \\n";
  button.onclick = () => {
    const changes = [];
    for (const match of view.state.doc.toString().matchAll(/\r\n?/g)) {
      const end = match.index + match[0].length;
      changes.push({ from: match.index, to: end, insert: "\n" });
    }
    view.dispatch({ changes, userEvent: "input" });
    view.focus();
  };
  return { dom };
};

export const lineEnds = [
  returns,
  EditorView.clipboardInputFilter.of((text) => text.replace(/\r\n/g, "\n")),
  EditorView.domEventObservers({
    paste(event, view) {
      if (!event.clipboardData?.getData("text/plain").includes("\r\n")) return;
      setTimeout(() => view.dispatch({ effects: pasted.of(null) }));
    },
  }),
];
