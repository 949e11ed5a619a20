// Work as a file and as a link: made here, and opened from here. Runs once, when the page loads,
// with Gradio's `element`. Text only passes through: it is never made part of the page.
const { address, maxBytes } = element.querySelector("[data-max-bytes]").dataset;
const MARK = "#work=";
const CUT_CHARS = 8_000; // where some programs cut a link
const MAX_CHARS = 60_000; // what browsers and servers along the way still take

const number = (value) => value.toLocaleString("en");

const bytesOf = async (stream, limit = Infinity) => {
  const reader = stream.getReader();
  const chunks = [];
  for (let size = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return new Blob(chunks).arrayBuffer();
    size += value.length;
    if (size > limit) {
      await reader.cancel(); // a small link may unfold to gigabytes
      throw "long";
    }
    chunks.push(value);
  }
};

const pack = async (text) => {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await bytesOf(stream));
  let binary = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
};

const unpack = async (packed) => {
  const binary = atob(packed.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(binary, (char) => char.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return text.decode(await bytesOf(stream, Number(maxBytes)));
};

const save = ({ name, type, text }) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
};

// "Share" above the tabs presses the link's button of the tab that is shown, where the link is seen.
const share = async () => {
  const tab = await shownTab();
  const fold = document.querySelector(`#${tab}-tab .pg-files > .label-wrap`);
  if (!fold.classList.contains("open")) fold.click();
  const button = await appeared(`#${tab}-copy-link`);
  button.closest(".pg-files").scrollIntoView({ block: "nearest", behavior: "smooth" });
  button.click();
};
document.addEventListener("click", ({ target }) => {
  if (target.closest?.("[data-shares]")) share();
});

// Opening: the tab that the work belongs to comes forward, and its hidden button takes the work.
let waiting = null;
const take = () => waiting;

const appeared = (selector) => new Promise((resolve) => {
  const look = () => {
    const found = document.querySelector(selector);
    if (found) resolve(found);
    return found !== null;
  };
  if (look()) return;
  const observer = new MutationObserver(() => { if (look()) observer.disconnect(); });
  observer.observe(document.body, { childList: true, subtree: true });
});

const tabOf = (text) => {
  try {
    const { format, tab } = JSON.parse(text);
    if (format === "starcoder-playground/conversation") return "chat";
    return ["continue", "infill", "chat"].includes(tab) ? tab : null;
  } catch {
    return null; // the server says what is wrong with it
  }
};

const tabButton = (tab) => `[role="tab"][aria-controls="${tab}-tab"]`;
const shownTab = async () => {
  const button = await appeared('[role="tab"][aria-selected="true"][aria-controls$="-tab"]');
  return button.getAttribute("aria-controls").replace(/-tab$/, "");
};

const open = async (work, from) => {
  const tab = tabOf(work.text) ?? from ?? (await shownTab());
  const button = await appeared(tabButton(tab));
  if (button.ariaSelected !== "true") button.click();
  const opening = await appeared(`#${tab}-open`);
  const isBusy = document.getElementById(`${tab}-stop`) !== null;
  waiting = isBusy ? { ...work, text: "", problem: "busy" } : work;
  opening.click();
};

const choose = (from) => {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = ".json,application/json";
  input.onchange = async () => {
    const file = input.files[0];
    // What is too long for the server is not sent there.
    const isLong = file.size > Number(maxBytes);
    const text = isLong ? "" : await file.text();
    open({ source: "file", name: file.name, text, problem: isLong ? "long" : "" }, from);
  };
  input.click();
};

const follow = async () => {
  if (!location.hash.startsWith(MARK)) return;
  const packed = location.hash.slice(MARK.length);
  // A reload is to show what became of the work, and not the link again.
  history.replaceState(history.state, "", location.pathname + location.search);
  if (address && window.parent !== window) {
    window.parent.postMessage({ hash: "" }, new URL(address).origin);
  }
  const work = { source: "link", name: "a link", text: "", problem: "" };
  try {
    work.text = await unpack(packed);
  } catch (problem) {
    work.problem = window.DecompressionStream ? (problem === "long" ? problem : "broken") : "old";
  }
  // What stood here before comes first, so that undo brings it back.
  await playgroundKept.settled;
  open(work);
};
addEventListener("hashchange", follow);

// The link is shown as well: a browser may refuse to copy it, and people like to see it.
const copy = async (box) => {
  try {
    await navigator.clipboard.writeText(box.value);
    return true;
  } catch {
    box.focus();
    box.select();
    return document.execCommand("copy");
  }
};

const say = (place, kind, text) => {
  const note = place.appendChild(document.createElement("p"));
  note.className = kind === "fine" ? "pg-fine" : "pg-notice pg-warning";
  note.setAttribute("role", "status");
  note.textContent = text;
};

const copyLink = async (tab, text) => {
  const place = document.querySelector(`#${tab}-link .html-container > div`);
  place.replaceChildren();
  if (!window.CompressionStream) {
    return say(place, "warning", "This browser is too old to make links. Save the .json and send that.");
  }
  const link = `${address || location.origin + location.pathname}${MARK}${await pack(text)}`;
  const size = `${number(link.length)} characters`;
  if (link.length > MAX_CHARS) {
    return say(place, "warning", `Too long for a link: ${size}, of which browsers take ${number(MAX_CHARS)}. Save the .json and send that.`);
  }
  const box = place.appendChild(document.createElement("input"));
  box.readOnly = true;
  box.value = link;
  box.ariaLabel = "Link to this work";
  box.addEventListener("focus", () => box.select());
  const isCopied = await copy(box);
  say(place, "fine", isCopied ? `Link copied: ${size}.` : `${size}. The browser does not let the page copy it: copy it from the box.`);
  if (link.length > CUT_CHARS) {
    say(place, "warning", `Some programs cut links of over ${number(CUT_CHARS)} characters. The .json arrives whole.`);
  }
};

window.playgroundShare = { save, choose, take, follow, copyLink };
