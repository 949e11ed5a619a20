// Conversations of the Chat tab: each is a record that follows what stands there, without a Save.
//
// Its work is the values of the tab's components by name, as drafts are (ui/drafts.py). The page says
// with them which conversation they are; `revision` counts what was written of one, so that a window
// sees where another one has written: see `write`.
playgroundKept.talks = (() => {
  const kept = window.playgroundKept;
  const LIMITS = { maxCount: 500, maxBytes: 50_000_000 };
  const NAME_CHARS = 40;
  const SETTLE_MS = 150; // longer than BURST_MS of ui/kept_drafts.js

  // What the page calls a conversation that has another id here. The first one has no name there.
  const moved = new Map([["", kept.newId()]]);
  const revisions = new Map(); // by id, as this window last read or wrote them
  let last = {}; // what was read or written last: its id, its work, and what is said in it
  let page = null; // the fields of what stands in the tab
  let news = "";
  let numAsked = 0; // replies on their way
  let isChanging = false; // another conversation is on its way
  let arrival = null; // over once it stands there
  let endArrival = null;
  let arriving = null; // its record, until it stands on the page
  let left = null; // told once the page has said what stands in the tab
  let isNew = false; // and it is an empty one, to be written in

  const idOf = ({ talk }) => moved.get(talk ?? "") ?? talk;
  const current = () => (page ? idOf(page) : "");
  /** All turns, and the message that is not sent yet. */
  const saidIn = ({ branches, draft }) => JSON.stringify([JSON.parse(branches).turns, draft ?? ""]);
  const know = (id, revision, work) => {
    revisions.set(id, revision);
    last = { id, work, said: saidIn(JSON.parse(work)) };
  };

  /** As JSON. The branches hold what rests; what still comes is worth keeping once the page goes. */
  const workOf = (fields) => {
    const { talk, revision, conversation, ...work } = fields;
    for (const name of ["draft", "system", "begin"]) work[name] ??= "";
    if (!numAsked) return JSON.stringify(work);
    if (document.visibilityState === "hidden") return JSON.stringify({ ...work, conversation });
    return JSON.stringify({ ...work, answer_chat: [], answer_assistant: [] });
  };

  const countShown = ({ shown }) => {
    const next = new Map(shown);
    let count = 0;
    for (let at = next.get(0); at; at = next.get(at)) count += 1;
    return count;
  };

  /** The head of a text, as a name: "" where it has none. */
  const nameOf = (text) => {
    const line = text.split("\n").map((each) => each.replaceAll("`", "").trim()).find(Boolean) ?? "";
    const chars = Array.from(line.replace(/\s+/g, " "));
    if (chars.length <= NAME_CHARS) return chars.join("");
    const cut = chars.slice(0, NAME_CHARS).join("");
    return `${cut.replace(/(?<=.{20})\s\S*$/, "")}…`;
  };

  const isWritten = (fields) => last.id === idOf(fields) && last.work === workOf(fields);

  /** What there is to write of `fields`, which then hold the record's id: null is nothing. */
  const toWrite = (fields, isLeaving) => {
    fields.talk = idOf(fields);
    fields.revision = revisions.get(fields.talk);
    if (!isLeaving && (isChanging || isWritten(fields))) return null;
    const branches = JSON.parse(fields.branches);
    const isTyped = Boolean(fields.draft?.trim() || fields.begin?.trim());
    const isWorth = branches.turns.length || fields.revision || (isLeaving && isTyped);
    if (!isWorth) return null;
    return { fields, branches, work: workOf(fields), before: { revision: fields.revision, last } };
  };

  const freeName = async (talks, name) => {
    const names = new Set((await kept.whole(talks.getAll())).map((head) => head.name));
    const stem = name.replace(/ \(\d+\)$/, "");
    let number = 2;
    while (names.has(`${stem} (${number})`)) number += 1;
    return `${stem} (${number})`;
  };

  /** Whether nothing that is said in the work `former` is missing in `work`. */
  const holdsAll = (work, former) => {
    const [turns, draft] = JSON.parse(saidIn(work));
    const [formerTurns, formerDraft] = JSON.parse(saidIn(former));
    const here = new Set(turns.map((turn) => JSON.stringify(turn)));
    const isTyped = formerDraft.trim() && formerDraft !== draft;
    return !isTyped && formerTurns.every((turn) => here.has(JSON.stringify(turn)));
  };

  /** The record's next state. */
  const makeHead = (id, head, former, { fields, branches, work }) => {
    const isSame = former && JSON.stringify(JSON.parse(former.branches)) === JSON.stringify(branches);
    const title = nameOf(branches.turns[0]?.text ?? "");
    return {
      id,
      name: head?.isNamed ? head.name : title || head?.name || nameOf(fields.draft ?? "") || "New chat",
      isNamed: head?.isNamed ?? false,
      time: isSame ? head.time : Date.now(),
      revision: (head?.revision ?? 0) + 1,
      turns: countShown(branches),
      size: new Blob([work]).size,
    };
  };

  /** What stands here becomes a record of its own, beside that of `made`. */
  const fork = async (made, head, talks) => {
    const name = await freeName(talks, head.name);
    const id = kept.newId();
    for (const [alias, actual] of moved) if (actual === made.id) moved.set(alias, id);
    moved.set(made.id, id);
    news = `“${head.name}” was changed in another window, and stays as it is there. This window goes on as “${name}”.`;
    return { ...made, id, name, isNamed: true, time: Date.now(), revision: 1 };
  };

  /** Bring the record up to date within a transaction. Whether the list shows it.
   *
   *  Where another window has changed or deleted it since this one looked, nothing is written until
   *  something is said or typed here; and what would write over something said there is kept apart. */
  const write = async (talk, talks, works) => {
    const { fields, work } = talk;
    const id = fields.talk;
    const head = await kept.whole(talks.get(id));
    const stored = head && (await kept.whole(works.get(id)))?.work;
    if (stored === work) {
      fields.revision = head.revision;
      know(id, head.revision, work);
      return false;
    }
    const former = stored && JSON.parse(stored);
    const isOthers = head?.revision !== revisions.get(id);
    if (isOthers && last.id === id && last.said === saidIn(fields)) {
      if (!head) last = {};
      return false;
    }
    let made = makeHead(id, head, former, talk);
    if (isOthers && head && !holdsAll(fields, former)) made = await fork(made, head, talks);
    talks.put(made);
    works.put({ id: made.id, work });
    const gone = await kept.prune(talks.index("by_time").openCursor(null, "prev"), works, { ...LIMITS, spared: made.id });
    if (gone.length) news = `There was no room for more: the oldest went, “${gone.at(-1).name}”.`;
    Object.assign(fields, { talk: made.id, revision: made.revision });
    know(made.id, made.revision, work);
    return head?.name !== made.name || head.time !== made.time || head.turns !== made.turns || gone.length;
  };

  /** Whether what `write` was told is kept: the transaction may have failed. */
  const wrote = (isKept, { fields, before }, isToTell) => {
    if (!isKept) {
      revisions.set(fields.talk, before.revision);
      last = before.last;
    }
    if (!isKept || isToTell) kept.changed();
  };

  const read = (id) =>
    kept.attempt(() =>
      kept.transact(["talks", "works"], "readonly", async (talks, works) => {
        const head = await kept.whole(talks.get(id));
        const found = await kept.whole(works.get(id));
        return head && found && { head, work: found.work };
      }));

  const lock = (on) => {
    isChanging = on;
    if (on) arrival = new Promise((resolve) => { endArrival = resolve; });
    else endArrival?.();
    document.getElementById("chat-conversation").closest(".pg-work").inert = on;
  };

  /** Show another conversation. `find` gives its id and work, once the one that stands there is kept.
   *  At once, where none is on its way: nothing may be sent from here on. */
  const change = async (trigger, find) => {
    while (isChanging) await arrival;
    if (numAsked) return;
    news = "";
    lock(true);
    // What was typed a moment ago may not have been noted yet.
    await new Promise((resolve) => {
      left = resolve;
      trigger("submit", {});
    });
    const isListed = await kept.save({ isLeaving: true });
    const found = await find();
    isNew = Boolean(found?.isNew);
    if (found) trigger("select", { talk: found.id, work: found.work, isListed });
    else lock(false);
    kept.changed();
  };

  const begin = (trigger) => change(trigger, () => ({ id: kept.newId(), work: "", isNew: true }));

  const open = (trigger, id) =>
    change(trigger, async () => {
      const found = await read(id);
      if (!found) return null;
      moved.delete(id);
      arriving = { id, revision: found.head.revision, work: found.work };
      return { id, work: found.work };
    });

  /** The same, unless it is the one that stands there by then. */
  const goTo = async (trigger, id) => {
    while (isChanging) await arrival;
    if (id !== current()) await open(trigger, id);
  };

  /** Another conversation stands on the page: only now may what stands there be written as it. */
  const arrive = () => {
    if (arriving) know(arriving.id, arriving.revision, arriving.work);
    arriving = null;
    lock(false);
    const panel = document.getElementById("chat-talks");
    const isNarrow = matchMedia("(max-width: 1023px)").matches;
    if (isNarrow) panel.querySelector(".label-wrap.open")?.click(); // it stands above the chat
    else if (isNew) document.querySelector("#chat-message textarea").focus();
    kept.tell();
  };

  const put = (head, work) =>
    kept.attempt(() =>
      kept.transact(["talks", "works"], "readwrite", async (talks, works) => {
        // Another window may have written it again.
        const id = (await kept.whole(talks.getKey(head.id))) ? kept.newId() : head.id;
        talks.put({ ...head, id });
        works.put({ id, work });
        return id;
      }), head.id);

  /** Take one out; what puts it back. The one that stands there gives way to an empty one. */
  const remove = async (trigger, { id }) => {
    while (isChanging) await arrival;
    const isCurrent = id === current();
    let found = null;
    const take = async () => {
      found = await read(id);
      await kept.attempt(() =>
        kept.transact(["talks", "works"], "readwrite", (talks, works) => {
          talks.delete(id);
          works.delete(id);
        }));
      return { id: kept.newId(), work: "" };
    };
    if (isCurrent) await change(trigger, take);
    else await take();
    kept.changed();
    return found && (async () => {
      const again = await put(found.head, found.work);
      if (isCurrent) await open(trigger, again);
      kept.changed();
    });
  };

  const rename = async ({ id }, name) => {
    await kept.attempt(() =>
      kept.transact(["talks"], "readwrite", async (talks) => {
        const head = await kept.whole(talks.get(id));
        if (head) talks.put({ ...head, name, isNamed: true });
      }));
    kept.changed();
  };

  const texts = new Map(); // by id and revision
  /** What is said in a conversation, in any version, and what is not yet sent. */
  const said = async ({ id, revision }) => {
    const key = `${id} ${revision}`;
    if (!texts.has(key)) {
      const { branches, draft } = JSON.parse((await read(id))?.work ?? '{"branches": "{}"}');
      const turns = JSON.parse(branches).turns ?? [];
      texts.set(key, [...turns.map((turn) => turn.text), draft].join("\n").toLowerCase());
    }
    return texts.get(key);
  };

  return {
    current,
    toWrite,
    isWritten,
    write,
    wrote,
    begin,
    open,
    goTo,
    remove,
    rename,
    said,
    get isLocked() {
      return numAsked > 0;
    },
    get news() {
      return news;
    },

    /** Latest first. */
    list: () =>
      kept.attempt(async () => {
        const heads = await kept.transact(["talks"], "readonly", (talks) =>
          kept.whole(talks.index("by_time").getAll()));
        return heads.reverse();
      }, []),

    /** Another window has changed the one that stands here. */
    isStale: (head) => head.id === current() && head.revision !== revisions.get(head.id),

    /** These stand in the tab now. */
    follow: (fields) => {
      const former = current();
      page = fields;
      if (current() !== former) kept.tell();
    },
    /** The same, out of a draft. */
    adopt: (fields) => {
      if (!fields.talk) return; // of an older page
      revisions.set(fields.talk, fields.revision);
      last = { id: fields.talk, said: saidIn(fields) };
      page = fields;
      kept.tell(); // the list may stand there already
    },

    /** What stands in the tab, which another conversation is about to take. */
    leave: (names, values) => {
      kept.note("chat", names, values);
      left();
    },
    asked: () => {
      numAsked += 1;
      kept.tell();
    },
    answered: () => {
      numAsked = Math.max(0, numAsked - 1);
      kept.touch();
      kept.tell();
    },
    failed: () => {
      arriving = null;
      lock(false);
      news = "It could not be shown: the server gave no answer. Nothing was changed.";
      kept.tell();
    },
    /** The server has answered; its values reach the page, and `follow`, a little later. */
    shown: () => setTimeout(arrive, SETTLE_MS),
  };
})();
