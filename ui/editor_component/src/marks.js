// Marks: ranges of the document that a model wrote, for as long as nobody edits them.
import { invertedEffects } from "@codemirror/commands";
import { StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView } from "@codemirror/view";

/** Ranges are [from, to) pairs of offsets in UTF-16 units: sorted, disjoint, not empty. */
export const setMarks = StateEffect.define({ map: (ranges, changes) => mapRanges(ranges, changes) });

/** The ranges after `changes`: what was put into one is not of the model's, and is cut out. */
function mapRanges(ranges, changes) {
  const inserted = [];
  changes.iterChangedRanges((fromA, toA, fromB, toB) => inserted.push([fromB, toB]));
  const mapped = [];
  for (const [oldFrom, oldTo] of ranges) {
    let from = changes.mapPos(oldFrom, 1);
    const to = changes.mapPos(oldTo, -1);
    for (const [start, end] of inserted) {
      if (end <= from || start >= to) continue;
      if (start > from) mapped.push([from, start]);
      from = end;
    }
    if (from < to) mapped.push([from, to]);
  }
  return mapped;
}

const inMarks = Decoration.mark({ tagName: "mark", class: "pg-generated" });
const onLine = Decoration.line({ class: "pg-generated-line" });

export const marksField = StateField.define({
  create: () => [],
  update(ranges, transaction) {
    if (transaction.docChanged && ranges.length) ranges = mapRanges(ranges, transaction.changes);
    for (const effect of transaction.effects) if (effect.is(setMarks)) ranges = effect.value;
    return ranges;
  },
});

/** Decorations of what is in view only: a long text costs no more than a short one. */
function decorate(view) {
  const { doc } = view.state;
  const ranges = view.state.field(marksField);
  const decorations = [];
  let lastLine = -1;
  for (const { from: viewFrom, to: viewTo } of view.visibleRanges) {
    for (const range of ranges) {
      const from = Math.max(range[0], viewFrom);
      const to = Math.min(range[1], viewTo);
      if (from >= to) continue;
      decorations.push(inMarks.range(from, to));
      for (let line = doc.lineAt(from); ; line = doc.lineAt(line.to + 1)) {
        // A range that only ends a line before has nothing on this one.
        if (line.from !== lastLine && line.from < to) decorations.push(onLine.range(line.from));
        lastLine = line.from;
        if (line.to + 1 >= to) break;
      }
    }
  }
  return Decoration.set(decorations, true);
}

/** Undo brings a mark back with its text. */
const undoMarks = invertedEffects.of((transaction) => {
  const before = transaction.startState.field(marksField);
  return before === transaction.state.field(marksField) ? [] : [setMarks.of(before)];
});

export const marks = [marksField, undoMarks, EditorView.decorations.of(decorate)];
