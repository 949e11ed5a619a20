// What the lists of kept things are made of. Texts are a model's or a user's, and never HTML.
playgroundKept.parts = (() => {
  const icon = (path) =>
    `<svg viewBox="0 0 16 16" width="14" height="14" fill="none" stroke="currentColor" stroke-width="1.2" aria-hidden="true"><path d="${path}"/></svg>`;
  const ICONS = {
    trash: icon("M2.5 4.5h11M6 4.5v-2h4v2M4 4.5l.6 9h6.8l.6-9M6.6 7v4M9.4 7v4"),
    pencil: icon("M3 13l.6-2.8 7.2-7.2 2.2 2.2-7.2 7.2L3 13M9.6 4.2l2.2 2.2"),
  };

  const make = (name, className, text = "") => {
    const element = document.createElement(name);
    if (className) element.className = className;
    element.textContent = text;
    return element;
  };
  const makeButton = (className, text, act) => {
    const button = make("button", className, text);
    button.type = "button";
    button.addEventListener("click", act);
    return button;
  };
  const makeIcon = (className, name, title, act) => {
    const button = makeButton(className, "", act);
    button.innerHTML = ICONS[name];
    button.title = button.ariaLabel = title;
    return button;
  };
  const makeSearch = (title, act) => {
    const search = make("input");
    search.type = "search";
    search.placeholder = search.ariaLabel = title;
    search.addEventListener("input", act);
    return search;
  };
  const makeNote = () => {
    const note = make("p", "pg-fine");
    note.setAttribute("role", "status");
    return note;
  };

  const wordsOf = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);
  const holds = (text, words) => words.every((word) => text.includes(word));

  return { make, makeButton, makeIcon, makeSearch, makeNote, wordsOf, holds };
})();
