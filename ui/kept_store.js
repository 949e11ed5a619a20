// Where this browser keeps what its user makes: IndexedDB, of which no server ever hears.
//
// entries   {id, tab, time, text, tokens, why, model, size}   one generation, as the history lists it
// works     {id, work}                                        all of it, as JSON of ui/work.py
// talks     {id, name, isNamed, time, revision, turns, size}  a conversation, see kept_talks.js; it has a work, too
// drafts    {id, time, tabs}                                  what stood in a window, see kept_drafts.js
window.playgroundKept = (() => {
  const MAX_ENTRIES = 200; // of each tab
  const MAX_BYTES = 20_000_000;
  const SWITCH = "playground-keeps";

  const channel = "BroadcastChannel" in window ? new BroadcastChannel("playground-kept") : null;
  const listeners = new Set();
  const told = new Set(); // ids: one that its user deleted since does not come back
  let problem = "";

  const tell = () => listeners.forEach((listener) => listener());
  if (channel) channel.onmessage = tell;
  /** Something was kept or went: here, and in the other windows. */
  const changed = () => {
    tell();
    channel?.postMessage("");
  };

  const isOn = () => {
    try {
      return localStorage.getItem(SWITCH) !== "off";
    } catch {
      return true; // there is no storage at all: opening it says so
    }
  };

  const whole = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });

  let opened = null;
  const open = () => {
    opened ??= new Promise((resolve, reject) => {
      const request = indexedDB.open("starcoder-playground", 2);
      request.onupgradeneeded = ({ oldVersion }) => {
        const database = request.result;
        const create = (name, index) => {
          const store = database.createObjectStore(name, { keyPath: "id" });
          if (index) store.createIndex("by_time", index);
        };
        if (oldVersion < 1) {
          create("entries", ["tab", "time"]);
          create("works");
          create("drafts", "time");
        }
        if (oldVersion < 2) create("talks", "time");
      };
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        // Another window has a newer page: let it have its way, and open anew when needed.
        request.result.onversionchange = () => {
          request.result.close();
          opened = null;
        };
        resolve(request.result);
      };
    });
    return opened;
  };

  /** What `act` gives, with the stores of one transaction, once that is written. */
  const transact = async (names, mode, act) => {
    const transaction = (await open()).transaction(names, mode);
    const done = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    const result = act(...names.map((name) => transaction.objectStore(name)));
    const [value] = await Promise.all([result, done]);
    return value;
  };

  /** Run `act`; a browser's refusal is kept as `problem`, for the history to say. */
  const attempt = async (act, otherwise) => {
    try {
      await open();
    } catch {
      problem = "This browser keeps nothing here, as in a private window. Everything else works.";
      return otherwise;
    }
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      const isFull = error.name === "QuotaExceededError";
      problem = isFull
        ? "This browser has no room left: the latest was not kept. Clear some of the history."
        : `The browser could not keep or find it: ${error.message}`;
      return otherwise;
    }
  };

  const range = (tab) => IDBKeyRange.bound([tab, 0], [tab, Infinity]);

  /** Let the oldest of `request`, a cursor from the latest on, go with their works; never the latest,
   *  nor the one with the id `spared`. Those that went. */
  const prune = (request, works, { maxCount, maxBytes, spared }) => {
    let count = 0;
    let bytes = 0;
    const gone = [];
    return new Promise((resolve, reject) => {
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        const cursor = request.result;
        if (!cursor) return resolve(gone);
        const { id, size } = cursor.value;
        count += 1;
        bytes += size;
        if (count > 1 && id !== spared && (count > maxCount || bytes > maxBytes)) {
          gone.push(cursor.value);
          works.delete(id);
          cursor.delete();
        }
        cursor.continue();
      };
    });
  };

  const put = (entry, work) =>
    transact(["entries", "works"], "readwrite", (entries, works) => {
      entries.put(entry);
      works.put({ id: entry.id, work });
      const latestFirst = entries.index("by_time").openCursor(range(entry.tab), "prev");
      return prune(latestFirst, works, { maxCount: MAX_ENTRIES, maxBytes: MAX_BYTES });
    });

  const newId = () =>
    Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join("-");

  /** The hour, and the day where that is not today. */
  const when = (time) => {
    const date = new Date(time);
    const hour = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    if (date.toDateString() === new Date().toDateString()) return hour;
    return `${date.toLocaleDateString([], { day: "numeric", month: "short" })} ${hour}`;
  };

  return {
    when,
    newId,
    whole,
    transact,
    attempt,
    prune,
    tell,
    changed,
    isOn,
    get problem() {
      return problem;
    },

    onChange: (listener) => listeners.add(listener),
    forget: (listener) => listeners.delete(listener),

    switchTo: async (on) => {
      try {
        if (on) localStorage.removeItem(SWITCH);
        else localStorage.setItem(SWITCH, "off");
      } catch {
        // As in isOn.
      }
      if (!on) await attempt(() => transact(["drafts"], "readwrite", (drafts) => whole(drafts.clear())));
      changed();
    },

    /** An entry of ui/entry.py, as JSON; or a list of them, of which some were told before. */
    record: async (text) => {
      if (!text || !isOn()) return;
      problem = "";
      const isNew = ({ id }) => !told.has(id) && told.add(id);
      for (const { work, ...entry } of [JSON.parse(text)].flat().filter(isNew)) {
        const size = new Blob([work]).size;
        await attempt(() => put({ ...entry, time: Date.now(), size }, work));
      }
      changed();
    },

    /** The entries of a tab, latest first. */
    list: (tab) =>
      attempt(async () => {
        const found = await transact(["entries"], "readonly", (entries) =>
          whole(entries.index("by_time").getAll(range(tab))));
        return found.reverse();
      }, []),

    work: (id) =>
      attempt(async () => {
        const found = await transact(["works"], "readonly", (works) => whole(works.get(id)));
        return found?.work ?? "";
      }, ""),

    /** Take an entry out; what puts it back. */
    remove: async (entry) => {
      const found = await transact(["entries", "works"], "readwrite", async (entries, works) => {
        const kept = await whole(works.get(entry.id));
        entries.delete(entry.id);
        works.delete(entry.id);
        return kept;
      });
      changed();
      return async () => {
        await attempt(() => put(entry, found.work));
        changed();
      };
    },

    clear: async (tab) => {
      problem = "";
      await attempt(() =>
        transact(["entries", "works"], "readwrite", async (entries, works) => {
          for (const { id } of await whole(entries.index("by_time").getAll(range(tab)))) {
            entries.delete(id);
            works.delete(id);
          }
        }));
      changed();
    },
  };
})();
