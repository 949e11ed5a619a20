// What stands in this window is kept as it changes, and is there again when the page is opened.
//
// Each opening of the page has a record of its own, begun with what stood there before, so that two
// windows never write to the same one. A reload takes its own window's; a new window the latest.
// What the browser is given as the page goes may come too late: a reload finds that in the session.
(() => {
  const kept = window.playgroundKept;
  const WINDOW = "playground-window";
  const LAST = "playground-last"; // a record, written as the page goes
  const PAUSE_MS = 400;
  const BURST_MS = 50;
  const STIR_MS = 1500;
  const ANSWER_MS = 15_000;
  const MAX_RECORDS = 20;
  const PARTS = ["system prompt", "settings"];

  const id = kept.newId();
  const session = {
    get: (key) => {
      try {
        return sessionStorage.getItem(key) ?? "";
      } catch {
        return "";
      }
    },
    set: (key, value) => {
      try {
        if (value) sessionStorage.setItem(key, value);
        else sessionStorage.removeItem(key);
      } catch {
        // Without it a reload takes the latest record.
      }
    },
  };

  const tabs = {}; // by name, the fields of what stands in each that was looked at
  let isOpen = false; // nothing is written before what stood here is back
  let isReturning = false; // what stood here is on its way back: what the page says by then is its own
  let isGoing = false; // the page is being left
  let timer = null;
  let coming = null; // another conversation, once all of it is on the page
  let written = ""; // the same as JSON, as it is kept already
  let timeBefore = null; // of what was brought back, until something else changes it

  /** Write what changed. Whether the record of the conversation in Chat then holds all of that.
   *  `isLeaving`: another conversation is about to take its place. */
  const save = async ({ isLeaving = false } = {}) => {
    clearTimeout(timer);
    timer = null;
    if (!kept.isOn()) session.set(LAST, "");
    if (!isOpen || !kept.isOn()) return false;
    const text = JSON.stringify(tabs); // Gradio's values are proxies, which IndexedDB does not take
    // A middle, or one of several texts, that still comes is on the page alone.
    const coming = (tab, selector) => {
      const isComing = tabs[tab] && document.querySelector(`#${tab}-stop`) !== null;
      return isComing ? [...document.querySelectorAll(selector)] : [];
    };
    const [middle] = coming("infill", "#infill-middle .pg-new");
    const samples = coming("continue", ".pg-sample .pg-live");
    const record = { id, time: timeBefore ?? Date.now(), tabs: JSON.parse(text) };
    if (middle) record.tabs.infill.live = middle.textContent;
    if (samples.length) {
      const told = (each) => ({ title: each.closest("section").ariaLabel, text: each.textContent });
      record.tabs.continue.live = samples.map(told);
    }
    const isLive = middle !== undefined || samples.length > 0;
    const isWritten = () => Boolean(record.tabs.chat && kept.talks.isWritten(record.tabs.chat));
    const talk = record.tabs.chat ? kept.talks.toWrite(record.tabs.chat, isLeaving) : null;
    if (isGoing && text !== "{}") session.set(LAST, JSON.stringify(record));
    if (!isLive && text === written && !talk) return isWritten();
    written = isLive ? "" : text;
    timeBefore = null; // the first change is that it is back
    let isToTell = false;
    const isKept = await kept.attempt(() =>
      kept.transact(["drafts", "talks", "works"], "readwrite", async (drafts, talks, works) => {
        // Both or none: a window has to know which revision of a conversation it shows.
        if (talk) isToTell = await kept.talks.write(talk, talks, works);
        drafts.put(record);
        const request = drafts.index("by_time").getAllKeys();
        request.onsuccess = () =>
          request.result.slice(0, -MAX_RECORDS).forEach((former) => drafts.delete(former));
        return true;
      }), false);
    if (talk) kept.talks.wrote(isKept, talk, isToTell);
    session.set(WINDOW, id);
    if (isKept && !isGoing) session.set(LAST, "");
    return isKept && isWritten();
  };
  const saveAtOnce = () => {
    gather();
    save();
  };
  addEventListener("pageshow", () => { isGoing = false; });
  addEventListener("pagehide", () => {
    isGoing = true;
    saveAtOnce();
  });
  document.addEventListener("visibilitychange", saveAtOnce);
  kept.save = save;

  let settle = null;
  /** Once what was kept is back, or there is none: what else wants to be shown comes after it. */
  kept.settled = new Promise((resolve) => { settle = resolve; });
  const openUp = () => {
    isOpen = true;
    isReturning = false;
    settle();
    save();
  };

  const isOther = (tab, { talk }) => tab === "chat" && tabs.chat && tabs.chat.talk !== talk;
  const take = (tab, fields) => {
    const isNext = isOther(tab, fields);
    // The last of another conversation is written before this one takes its place.
    if (isNext && timer) save();
    tabs[tab] = fields;
    if (tab === "chat") kept.talks.follow(fields);
    if (isNext) save();
    else kept.touch();
  };
  /** Something changed in a tab: `names` and `values` are those of all its fields. */
  kept.note = (tab, names, values) => {
    if (isReturning) return;
    const fields = Object.fromEntries(names.map((name, index) => [name, values[index]]));
    if (tab === "chat") clearTimeout(coming);
    // Gradio may show another conversation piece by piece: its parts are not to be mixed up.
    if (isOther(tab, fields)) coming = setTimeout(take, BURST_MS, tab, fields);
    else take(tab, fields);
  };
  const stirred = {}; // by tab, what will ask for its values
  /** Ask for the values of what was stirred. */
  const gather = () => {
    for (const tab of Object.keys(stirred)) {
      clearTimeout(stirred[tab]);
      delete stirred[tab];
      document.getElementById(`${tab}-note`).click();
    }
  };
  /** Something that changes all the time did: its values are asked for in a moment. */
  kept.stir = (tab) => { stirred[tab] ??= setTimeout(gather, STIR_MS); };
  /** There may be something to write. */
  kept.touch = () => {
    if (isGoing) save();
    else timer ??= setTimeout(save, PAUSE_MS);
  };

  const find = () =>
    kept.attempt(async () => {
      const records = await kept.transact(["drafts"], "readonly", (drafts) =>
        new Promise((resolve) => {
          const request = drafts.index("by_time").getAll();
          request.onsuccess = () => resolve(request.result);
        }));
      return records.find((record) => record.id === session.get(WINDOW)) ?? records.at(-1);
    });

  const awaited = new Set(PARTS);
  let bringBack = null;
  const begin = async () => {
    const last = session.get(LAST);
    const record = kept.isOn() ? (last ? JSON.parse(last) : await find()) : null;
    if (!record) return openUp();
    isReturning = true;
    Object.assign(tabs, record.tabs); // what is not looked at stays as it is
    written = JSON.stringify(tabs);
    timeBefore = record.time;
    if (tabs.chat) kept.talks.adopt(tabs.chat);
    bringBack(record);
    setTimeout(openUp, ANSWER_MS);
  };
  /** A model's own `part` stands there: what is brought back comes after it. */
  kept.ready = (part) => {
    if (awaited.delete(part) && !awaited.size) begin();
  };

  const button = (className, text, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = className;
    made.textContent = text;
    made.addEventListener("click", act);
    return made;
  };

  /** The line that says so, and what it does. `trigger` asks the server to show what was kept. */
  kept.showReturn = (element, { props, watch, trigger }) => {
    let time = 0;
    bringBack = (record) => {
      time = record.time;
      trigger("select", { tabs: record.tabs });
    };
    const say = (...parts) => {
      const line = document.createElement("div");
      line.className = "pg-notice pg-returned";
      line.setAttribute("role", "status");
      const close = button("pg-dismiss", "×", () => {});
      close.ariaLabel = "Dismiss";
      line.append(...parts, close);
      element.replaceChildren(line);
    };
    watch("value", () => {
      const { is_back: isBack, problems } = JSON.parse(props.value);
      openUp();
      const empty = button("pg-link", "Start empty", () => {
        element.replaceChildren();
        trigger("clear");
      });
      const back = isBack ? [`Your work of ${kept.when(time)} is back.`, empty] : [];
      const unread = problems.map((problem) => Object.assign(document.createElement("span"), { className: "pg-unread", textContent: problem }));
      if (isBack || problems.length) say(...back, ...unread);
    });
  };
})();
