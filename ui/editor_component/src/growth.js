// Text that a model writes into the document while its user may go on editing.
import { StateEffect, StateField } from "@codemirror/state";
import { marksField, setMarks } from "./marks.js";

const setPlace = StateEffect.define();

/** Where the next piece goes: it moves with what is edited before it. */
const place = StateField.define({
  create: () => 0,
  update(value, transaction) {
    value = transaction.changes.mapPos(value, -1);
    for (const effect of transaction.effects) if (effect.is(setPlace)) value = effect.value;
    return value;
  },
});

export const growth = place;

export class Growth {
  #run = null;
  #length = 0;

  /**
   * Put in what is new of `text`, all that this run has written so far; its first goes to `at`. A text that is
   * shorter than the one before it takes back what it lacks.
   */
  take(view, { run, at, text }) {
    const isNew = run !== this.#run;
    if (isNew) {
      this.#run = run;
      this.#length = 0;
    }
    const piece = text.slice(this.#length);
    const surplus = this.#length - text.length;
    this.#length = text.length;
    const { doc } = view.state;
    if (surplus > 0) {
      const to = view.state.field(place);
      view.dispatch({ changes: { from: Math.max(0, to - surplus), to }, userEvent: "input.generate" });
    }
    if (!piece) return;
    const from = isNew ? Math.min(at, doc.length) : view.state.field(place);
    const to = from + piece.length;
    const { scrollDOM } = view;
    const follows = isNew || scrollDOM.scrollTop + scrollDOM.clientHeight > scrollDOM.scrollHeight - 30;
    view.dispatch({
      changes: { from, insert: piece },
      effects: [setMarks.of(withRange(view.state.field(marksField), from, to)), setPlace.of(to)],
      userEvent: "input.generate",
    });
    if (follows && to === view.state.doc.length) {
      view.requestMeasure({ read: () => {}, write: () => (scrollDOM.scrollTop = scrollDOM.scrollHeight) });
    }
  }
}

/** `ranges` of a document into which [from, to) is put, with it as one of them. */
function withRange(ranges, from, to) {
  const size = to - from;
  const before = ranges.filter((range) => range[1] <= from);
  const after = ranges.filter((range) => range[1] > from).map(([start, end]) => [start + size, end + size]);
  const last = before.at(-1);
  if (last?.[1] === from) before.splice(-1, 1, [last[0], to]);
  else before.push([from, to]);
  return [...before, ...after];
}
