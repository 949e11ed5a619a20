// What the page says in its reader's language. The page is written in English; see ui/translation.py.
//
// Texts are replaced where they appear, before they are painted. What a user or a model wrote stands
// in an element with translate="no", in code or in an editor, and is left alone.
window.playgroundTranslation = (() => {
  // Of Gradio's own, those whose labels change with what happens, and choices.
  const ROOTS =
    ".pg-html, .pg-editor, .pg-run, .pg-turn, .pg-send, .pg-repository > button, .pg-header-panel > button, [data-testid$=-radio-label]";
  const VERBATIM = '[translate="no"], pre, code, kbd, textarea, script, style, .cm-content, .cm-gutters';
  const ATTRIBUTES = ["aria-label", "aria-valuetext", "title", "placeholder", "data-label"];
  const SEPARATOR = /(\s*\u00a0?·(?:\s+|$))/;
  const SENTENCE_END = /[.?!] (?=\S)/g;
  const HOLE = /\{(\w+)(?::(\w))?\}/g;

  const catalogue = (() => {
    for (const locale of navigator.languages) {
      const language = locale.split("-")[0];
      if (language === "en") return null;
      if (playgroundCatalogues[language]) return playgroundCatalogues[language];
    }
    return null;
  })();

  const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const fixed = new Map();
  const patterns = [];
  for (const [english, other] of Object.entries(catalogue ?? {})) {
    const names = [...english.matchAll(HOLE)].map((hole) => hole[1]);
    if (!names.length) {
      fixed.set(english, other);
      continue;
    }
    const literals = english.split(/\{\w+\}/).map(escape);
    // What varies in a part of a line is no part of its own.
    const hole = english.includes("· ") ? "([^]+?)" : "((?:(?!· )[^])+?)";
    const regex = new RegExp(`^${literals.join(hole)}$`);
    patterns.push({ size: literals.join("").length, names, other, regex });
  }
  patterns.sort((one, two) => two.size - one.size); // the one that says most is meant

  const swapMarks = (number) => number.replace(/[.,]/g, (mark) => (mark === "." ? "," : "."));

  /** A text, or undefined. In a translation, {name:t} is itself translated and {name:n} a number. */
  const find = (text) => {
    const known = fixed.get(text) ?? findSentences(text);
    if (known !== undefined) return known;
    for (const { names, other, regex } of patterns) {
      const match = regex.exec(text);
      if (!match) continue;
      return other.replace(HOLE, (_, name, how) => {
        const value = match[1 + names.indexOf(name)];
        return how === "t" ? say(value) : how === "n" ? swapMarks(value) : value;
      });
    }
    return undefined;
  };

  /** Of several sentences, where each is known. */
  const findSentences = (text) => {
    for (const { index } of text.matchAll(SENTENCE_END)) {
      const first = find(text.slice(0, index + 1));
      const rest = first && find(text.slice(index + 2));
      if (rest) return `${first} ${rest}`;
    }
    return undefined;
  };

  /** The translation, or `text` itself; of a line of several, each by itself. */
  const say = (text) => {
    if (!catalogue) return text;
    const [, before, bare, after] = /^(\s*)([^]*?)(\s*)$/.exec(text);
    if (!bare) return text;
    const whole = find(bare);
    if (whole !== undefined) return before + whole + after;
    if (!bare.includes("·")) return text;
    const parts = bare.split(SEPARATOR);
    return before + parts.map((part, index) => (index % 2 ? part : find(part) ?? part)).join("") + after;
  };

  const isVerbatim = (element) => Boolean(element?.closest(VERBATIM));
  const isInline = (node) => /^(A|B|CODE|KBD|EM|I|SPAN|STRONG)$/.test(node.tagName);

  /** A sentence with a link or a command in it: its elements keep their places in what is said. */
  const translateSentence = (element) => {
    const inner = [...element.children];
    const other = find(element.textContent.trim());
    if (other === undefined) return false;
    let rest = other;
    const parts = [];
    for (const child of inner) {
      const place = rest.indexOf(child.textContent);
      if (place < 0) return false;
      parts.push(rest.slice(0, place), child);
      rest = rest.slice(place + child.textContent.length);
    }
    element.replaceChildren(...parts, rest);
    inner.forEach(translateAttributes);
    return true;
  };

  const isSentence = (element) =>
    element.children.length > 0 &&
    [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) &&
    [...element.children].every((child) => isInline(child) && !child.children.length);

  /** What a screen reader or the pointer is told is ours, of code as well. */
  const translateAttributes = (element) => {
    for (const name of ATTRIBUTES) {
      const text = element.getAttribute(name);
      const said = text && say(text);
      if (said && said !== text) element.setAttribute(name, said);
    }
  };
  const LABELLED = ATTRIBUTES.map((name) => `[${name}]`).join();

  const translateText = (node) => {
    const said = say(node.data);
    if (said !== node.data) node.data = said;
  };

  /** All that stands in a node; of one that is verbatim only what it is called. */
  const translate = (node, isIn = false) => {
    if (node.nodeType === Node.TEXT_NODE) return isIn || translateText(node);
    if (node.nodeType !== Node.ELEMENT_NODE) return;
    translateAttributes(node);
    if (isIn || node.matches(VERBATIM)) node.querySelectorAll(LABELLED).forEach(translateAttributes);
    else if (!isSentence(node) || !translateSentence(node)) node.childNodes.forEach((child) => translate(child));
  };

  const rootsIn = (node) => {
    if (node.nodeType !== Node.ELEMENT_NODE) return [];
    return node.matches(ROOTS) ? [node] : [...node.querySelectorAll(ROOTS)];
  };

  const look = (records) => {
    for (const { type, target, addedNodes } of records) {
      const parent = type === "childList" ? target : target.parentElement;
      if (!parent?.closest(ROOTS)) addedNodes.forEach((node) => rootsIn(node).forEach((root) => translate(root)));
      else if (type === "attributes") translateAttributes(target);
      else if (type === "childList") addedNodes.forEach((node) => translate(node, isVerbatim(parent)));
      else translate(target, isVerbatim(parent));
    }
  };

  if (catalogue)
    new MutationObserver(look).observe(document.documentElement, {
      subtree: true,
      childList: true,
      characterData: true,
      attributes: true,
      attributeFilter: ATTRIBUTES,
    });

  return { say };
})();
