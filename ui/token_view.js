// The generated tokens, tinted by their probability, and what could stand in each one's place. Runs
// once when the component loads, with Gradio's `element`, `props`, `trigger` and `watch`.
const [TEXT, END, , PART, , FORMAT] = [0, 1, 2, 3, 4, 5];
const REASONS = {
  2: "A special token, which no text can spell",
  3: "A part of a character: no text can go on from here",
  4: "Other text stands in this place already",
  5: "White space before the first word: the format’s, and no part of the reply",
};
// Upper bounds of what is tinted, weakest tint first.
const STEPS = [0.9, 0.5, 0.2, 0.05];
const LEGEND = ["90 % and more", "50–90 %", "20–50 %", "5–20 %", "under 5 %"];
const HINT = "Click a token to see what else could stand there";
const WORDS = { " ": "space", "\n": "line break", "\t": "tab", "\r": "carriage return" };
const SIGNS = { " ": "·", "\n": "⏎", "\t": "→", "\r": "␍" };

const make = (name, className = "", text = "") => {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
};
const percent = (p) => {
  if (p >= 0.9995 && p < 1) return "> 99.9 %";
  return p < 0.0005 ? "< 0.1 %" : `${(p * 100).toFixed(1)} %`;
};
const step = (p) => STEPS.filter((bound) => p < bound).length;
const visible = (text) => text.replace(/[ \n\t\r]/g, (char) => SIGNS[char]);
const invisible = /[^\P{C}\n\t\r]|[\p{Z}--[ ]]/gv;
const shown = (text) =>
  visible(text).replace(invisible, (char) => `U+${char.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`);
const spoken = (text) =>
  /[^ \n\t\r]/.test(text) ? text : Object.entries(WORDS)
    .map(([char, word]) => [text.split(char).length - 1, word])
    .filter(([count]) => count)
    .map(([count, word]) => (count > 1 ? `${count} ${word}s` : word))
    .join(" and ");
const head = (text, count) => [...text].slice(0, count).join("");

let run = null;
let tokens = [];
let parts = []; // of each token its spans: one per line that it stands on
let numRead = 0;
let isOver = false;
let wanted = null; // an alternative that was clicked while the text was still coming
let current = 0;
let section, body, line, popup;

const read = ([kind, text, p, again, isTaken, chosen, options]) => ({ kind, text, p, again, isTaken, chosen, options });

const build = () => {
  section = make("section", "pg-result pg-tokens");
  section.ariaLabel = "Tokens";
  const header = section.appendChild(make("header"));
  header.append(make("span", "", "Tokens"), make("small", "pg-tokens-hint", HINT));
  body = section.appendChild(make("div", "pg-token-text"));
  body.role = "group";
  body.ariaLabel = "Generated tokens: arrow keys move, Enter opens";
  const legend = section.appendChild(make("div", "pg-legend"));
  legend.append(make("span", "", "How likely each token was"));
  LEGEND.forEach((words, index) => {
    const entry = legend.appendChild(make("span"));
    entry.append(make("i", `pg-p${index}`, "ab"), words);
  });
  popup = section.appendChild(make("div", "pg-alternatives"));
  popup.popover = "manual";
  popup.role = "dialog";
  line = null;
  element.replaceChildren(section);
};

const newLine = () => {
  line = body.appendChild(make("div", "pg-token-line"));
  line.translate = false;
};

const span = (token, index, text) => {
  const made = make("span", `pg-t pg-p${token.isTaken ? 0 : step(token.p)}`, text);
  made.dataset.i = index;
  if (token.isTaken) made.classList.add("pg-taken");
  return made;
};

/** What stood before the tokens, and belongs to the same text. */
const drawGiven = (text) => {
  text.split("\n").forEach((piece, number) => {
    if (number || !line) newLine();
    line.append(make("span", "pg-t-given", piece));
  });
};

/** A token's spans: a line break ends a line, and what follows it goes to the next. */
const draw = (token, index) => {
  if (!line) newLine();
  const spans = [];
  if (token.kind !== TEXT) {
    spans.push(span(token, index, token.kind === PART ? "◌" : visible(token.text)));
    spans[0].classList.add([PART, FORMAT].includes(token.kind) ? "pg-t-part" : "pg-t-special");
    line.append(spans[0]);
  } else {
    const pieces = token.text.split("\n");
    pieces.forEach((piece, number) => {
      const isLast = number === pieces.length - 1;
      if (isLast && !piece && number) return;
      const made = span(token, index, piece);
      if (!isLast) made.append(make("i", "pg-lf", "\n"));
      spans.push(line.appendChild(made));
      if (!isLast) newLine();
    });
    if (token.again) spans.forEach((made) => made.classList.add("pg-t-again"));
  }
  spans[0].role = "button";
  spans[0].tabIndex = index === current ? 0 : -1;
  spans[0].ariaHasPopup = "dialog";
  if (!/\S/.test(token.text) || token.kind === PART) spans[0].ariaLabel = name(token);
  parts.push(spans);
};

const name = (token) =>
  playgroundTranslation.say(token.kind === PART ? "part of a character" : spoken(token.text));

const markCut = ([first, numKept]) => {
  for (let index = first; index < tokens.length; index++) {
    const token = tokens[index];
    if (token.kind !== TEXT) continue;
    token.kept = index === first ? head(token.text, numKept) : "";
    if (!token.kept) parts[index].forEach((made) => made.classList.add("pg-t-cut"));
  }
};

const forget = () => {
  clearTimeout(timer);
  [wanted, opened, isPinned] = [null, null, false];
  [tokens, parts, numRead, current] = [[], [], 0, 0];
};

const take = (told) => {
  if (!told.run) {
    run = null;
    forget();
    element.replaceChildren();
    return;
  }
  if (told.run !== run) {
    const hadFocus = element.contains(document.activeElement);
    run = told.run;
    forget();
    build();
    if (told.given) drawGiven(told.given);
    body.toggleAttribute("data-refocus", hadFocus);
  }
  const follows = body.scrollTop + body.clientHeight > body.scrollHeight - 30;
  for (const text of told.lines.slice(numRead).split("\n")) {
    if (!text) continue;
    const token = read(JSON.parse(text));
    tokens.push(token);
    draw(token, tokens.length - 1);
  }
  numRead = told.lines.length;
  if (body.hasAttribute("data-refocus") && tokens.length) {
    // The keyboard's place was in the panel that this one replaces.
    body.removeAttribute("data-refocus");
    const taken = tokens.findLastIndex((token) => token.isTaken);
    focus(Math.max(taken, 0));
  }
  if (follows) body.scrollTop = body.scrollHeight;
  isOver = told.is_over;
  if (!isOver) return;
  if (told.cut) markCut(told.cut);
  if (wanted) {
    const [index, option] = wanted;
    wanted = null;
    trigger("select", { run, index, option });
  }
};

// What could stand there

let opened = null; // the token's index
let isPinned = false;
let timer = null;

const later = (milliseconds, act) => {
  clearTimeout(timer);
  timer = setTimeout(act, milliseconds);
};

const close = () => {
  clearTimeout(timer);
  if (opened === null) return;
  parts[opened]?.forEach((made) => made.classList.remove("pg-t-open"));
  if (parts[opened]) parts[opened][0].ariaExpanded = "false";
  opened = null;
  isPinned = false;
  popup.hidePopover();
};

const place = () => {
  const anchor = parts[opened][0].getClientRects()[0] ?? parts[opened][0].getBoundingClientRect();
  const box = popup.getBoundingClientRect();
  const below = anchor.bottom + 3;
  const top = below + box.height > innerHeight - 8 && anchor.top > box.height + 8 ? anchor.top - box.height - 3 : below;
  popup.style.left = `${Math.max(8, Math.min(anchor.left, innerWidth - box.width - 8))}px`;
  popup.style.top = `${top}px`;
};

const row = (index, [kind, text, p], number, isChosen) => {
  const made = make("button", "pg-alternative");
  made.type = "button";
  made.append(make("code", kind === TEXT ? "" : "pg-token", shown(text)));
  const bar = made.appendChild(make("span", "pg-chance"));
  bar.append(make("i"));
  bar.firstChild.style.width = `${(p * 100).toFixed(1)}%`;
  made.append(make("span", "pg-percent", percent(p)));
  const what = kind === TEXT ? spoken(text) : text;
  made.ariaLabel = `${what}, ${percent(p)}${isChosen ? ", stands there" : ""}`;
  if (isChosen) {
    made.ariaCurrent = "true";
    made.title = "Stands there";
  } else if (kind === END) {
    made.title = "End the text here";
    made.append(make("small", "", "ends here"));
  } else {
    made.title = REASONS[kind] ?? "Put it there, and go on from it";
  }
  if (isChosen || REASONS[kind]) made.ariaDisabled = "true";
  else made.addEventListener("click", () => choose(index, number));
  return made;
};

const notes = (token) => {
  const found = [];
  if (token.isTaken) found.push("You chose it");
  if (token.kind === PART) found.push("Part of a character that several tokens spell");
  if (token.kind === FORMAT) found.push(REASONS[FORMAT]);
  if (token.again) found.push(`Begins with what stood there already: ${shown(head(token.text, token.again))}`);
  if (token.kept !== undefined && token.text) {
    found.push(token.kept ? `Only ${shown(token.kept)} is kept of it` : "Not part of the text: a stop string, or trimmed");
  }
  return found;
};

const open = (index, pinned) => {
  if (opened !== index) {
    close();
    opened = index;
    const token = tokens[index];
    const own = [token.kind, token.text, token.p];
    const rows = token.options.map((option, number) => row(index, option, number, number === token.chosen));
    if (token.chosen === null) rows.unshift(row(index, own, null, true));
    popup.replaceChildren(...rows, ...notes(token).map((note) => make("p", "", note)));
    popup.ariaLabel = `What could stand in place of ${name(token)}, ${percent(token.p)}`;
    parts[index].forEach((made) => made.classList.add("pg-t-open"));
    parts[index][0].ariaExpanded = "true";
    popup.showPopover();
    place();
  }
  isPinned ||= pinned;
};

const choose = (index, option) => {
  close();
  if (isOver) {
    trigger("select", { run, index, option });
  } else {
    // The run that still goes on is stopped first; its end brings us back to `take`.
    wanted = [index, option];
    element.closest(".pg-work").querySelector("button.pg-stop")?.click();
  }
  focus(index);
};

// Moving about

const focus = (index) => {
  if (!parts[index]) return;
  if (parts[current]) parts[current][0].tabIndex = -1;
  current = index;
  const made = parts[index][0];
  made.tabIndex = 0;
  made.ariaLabel = `${name(tokens[index])}, ${percent(tokens[index].p)}`;
  made.focus({ preventScroll: true });
  made.scrollIntoView({ block: "nearest" });
};

/** The token that stands nearest in the line above or below, as lines are on the screen. */
const beside = (direction) => {
  const box = parts[current][0].getBoundingClientRect();
  let [best, bestTop, distance] = [current, null, Infinity];
  for (let index = current + direction; parts[index]; index += direction) {
    const other = parts[index][0].getBoundingClientRect();
    const isOtherLine = direction > 0 ? other.top >= box.bottom - 2 : other.bottom <= box.top + 2;
    if (!isOtherLine) continue;
    bestTop ??= other.top;
    if (Math.abs(other.top - bestTop) > 2) break;
    if (Math.abs(other.left - box.left) < distance) [best, distance] = [index, Math.abs(other.left - box.left)];
  }
  return best;
};

const MOVES = {
  ArrowRight: () => current + 1,
  ArrowLeft: () => current - 1,
  ArrowDown: () => beside(1),
  ArrowUp: () => beside(-1),
  Home: () => 0,
  End: () => parts.length - 1,
};

const tokenAt = (target) => {
  const found = target.closest?.("[data-i]");
  return found && body?.contains(found) ? Number(found.dataset.i) : null;
};

const rowsOf = () => [...popup.querySelectorAll("button")];

element.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isInPopup = popup?.contains(event.target);
  if (event.key === "Escape" && opened !== null) {
    const index = opened;
    close();
    focus(index);
  } else if (isInPopup && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    const rows = rowsOf();
    const next = rows.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1);
    rows.at(next % rows.length)?.focus();
  } else if (!isInPopup && tokenAt(event.target) !== null && (event.key === "Enter" || event.key === " ")) {
    current = tokenAt(event.target);
    open(current, true);
    rowsOf()[0]?.focus();
  } else if (!isInPopup && tokenAt(event.target) !== null && MOVES[event.key]) {
    close();
    focus(MOVES[event.key]());
  } else {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
});
element.addEventListener("click", (event) => {
  const index = tokenAt(event.target);
  if (index === null) return;
  const isAgain = opened === index && isPinned;
  focus(index);
  if (isAgain) close();
  else open(index, true);
});
element.addEventListener("pointerover", (event) => {
  if (event.pointerType !== "mouse" || isPinned) return;
  const index = tokenAt(event.target);
  if (popup?.contains(event.target)) clearTimeout(timer);
  // Slower where one is open: the way to its alternatives leads over other tokens.
  else if (index !== null) later(opened === null ? 120 : 300, () => open(index, false));
  else later(300, close);
});
element.addEventListener("pointerout", (event) => {
  if (event.pointerType !== "mouse" || isPinned || section?.contains(event.relatedTarget)) return;
  later(300, close);
});
element.addEventListener("focusout", (event) => {
  if (opened !== null && event.relatedTarget && !section.contains(event.relatedTarget)) close();
});
const outside = (event) => {
  if (!element.isConnected) return document.removeEventListener("pointerdown", outside);
  if (opened !== null && !popup.contains(event.target) && tokenAt(event.target) === null) close();
};
document.addEventListener("pointerdown", outside);
const follow = () => {
  if (!element.isConnected) return removeEventListener("scroll", follow, true);
  if (opened !== null) place();
};
addEventListener("scroll", follow, { capture: true, passive: true });

watch("told", () => take(props.told));
take(props.told);
