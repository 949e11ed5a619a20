// The controls of each turn: its versions to page through, and its deletion. Runs once when the
// component loads, with Gradio's `element` and `trigger`. Gradio draws the turns; this adds to them.
const work = element.closest(".pg-work");
let clicked = null;
const TRASH = '<svg viewBox="0 0 16 16" width="14" height="14" fill="none" stroke="currentColor" stroke-width="1.2" aria-hidden="true"><path d="M2.5 4.5h11M6 4.5v-2h4v2M4 4.5l.6 9h6.8l.6-9M6.6 7v4M9.4 7v4"/></svg>';

const button = (name, title, isOff, label, act) => {
  const made = document.createElement("button");
  made.type = "button";
  made.className = `pg-turn-${name}`;
  made.title = made.ariaLabel = title;
  made.disabled = isOff;
  made.innerHTML = label;
  made.addEventListener("click", act);
  return made;
};

const pager = (index, version, count) => {
  const go = (name, to) => () => {
    clicked = { index, name };
    trigger("select", { index, version: to });
  };
  const place = document.createElement("span");
  place.textContent = `${version + 1} / ${count}`;
  return [
    button("former", "Previous version", version === 0, "‹", go("former", version - 1)),
    place,
    button("next", "Next version", version === count - 1, "›", go("next", version + 1)),
  ];
};

const cutNote = () => {
  const made = document.createElement("em");
  made.className = "pg-turn-cut";
  made.textContent = "Cut off";
  made.title = "Continue, below, goes on with it";
  return made;
};

const controls = (index, [role, version, count, isCut]) => {
  const made = document.createElement("span");
  made.className = "pg-turn";
  if (isCut) made.append(cutNote());
  if (count > 1) made.append(...pager(index, version, count));
  const what = role === "user" ? "question and its answers" : "reply and what follows it";
  made.append(button("delete", `Delete this ${what}`, false, TRASH, () => trigger("delete", { index })));
  return made;
};

// Gradio draws turns in a row of the same side as one.
const lastOfEachRow = (marks) =>
  marks.map((_, index) => index).filter((index) => marks[index][0] !== marks[index + 1]?.[0]);

const decorate = () => {
  const marks = JSON.parse(element.querySelector("[data-turns]")?.dataset.turns ?? "[]");
  const rows = [...work.querySelectorAll("#chat-conversation .message-row")];
  const indices = lastOfEachRow(marks);
  rows.forEach((row, number) => {
    const index = indices[number];
    const wanted = index === undefined ? "" : JSON.stringify([index, marks[index]]);
    const former = row.querySelector(".pg-turn");
    const bar = row.querySelector(".message-buttons");
    if (!bar || (former?.dataset.mark ?? "") === wanted) return;
    former?.remove();
    if (!wanted) return;
    const made = controls(index, marks[index]);
    made.dataset.mark = wanted;
    bar.append(made);
    if (clicked?.index === index) {
      // The button is a new one: the keyboard's place goes with it.
      const again = made.querySelector(`.pg-turn-${clicked.name}:enabled`) ?? made.querySelector("button:enabled");
      again?.focus({ preventScroll: true });
      clicked = null;
    }
  });
};

let isDue = false;
const observer = new MutationObserver(() => {
  if (!element.isConnected) return observer.disconnect();
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    decorate();
  });
});
// The marks may be the last that changes, and in place.
observer.observe(work, { childList: true, subtree: true, attributeFilter: ["data-turns"] });
decorate();
