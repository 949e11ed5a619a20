// The conversations of the Chat tab, to go to, name, search and delete.
playgroundKept.showTalks = (() => {
  const kept = window.playgroundKept;
  const talks = kept.talks;
  const SEARCH_FROM = 4;
  const { make, makeButton, makeIcon, makeSearch, makeNote, wordsOf, holds } = kept.parts;

  const facts = ({ time, turns }) => {
    const count = turns === 1 ? "1 message" : `${turns} messages`;
    return `${kept.when(time)}\u00a0· ${turns ? count : "nothing sent"}`;
  };

  class TalkList {
    #trigger;
    #heads = [];
    #found = [];
    #renamed = "";
    #undo = null; // what puts the one back that was deleted last, and its name

    constructor(element, trigger) {
      this.#trigger = trigger;
      element.classList.add("pg-kept", "pg-talks");
      element.replaceChildren(...this.#build());
      const follow = () => (element.isConnected ? this.refresh() : kept.forget(follow));
      kept.onChange(follow);
      this.refresh();
    }

    async refresh() {
      this.#heads = await talks.list();
      await this.#search();
    }

    #build() {
      this.fresh = makeButton("pg-talk-new", "New chat", () => this.#begin());
      this.search = makeSearch("Search conversations", () => this.#search());
      this.rows = make("ul");
      this.rows.ariaLabel = "Conversations, latest first";
      this.note = makeNote();
      return [this.fresh, this.search, this.note, this.rows];
    }

    /** Draw those that hold all the words, in their names or in what is said. */
    async #search() {
      this.search.hidden = this.#heads.length < SEARCH_FROM;
      const typed = this.search.hidden ? "" : this.search.value;
      const words = wordsOf(typed);
      const found = [];
      for (const head of this.#heads) {
        const text = words.length ? await talks.said(head) : "";
        if (holds(`${head.name.toLowerCase()}\n${text}`, words)) found.push(head);
      }
      if (!this.search.hidden && typed !== this.search.value) return; // it was typed on
      this.#found = found;
      this.#draw();
    }

    #draw() {
      if (this.#renamed) return; // what is typed there would go
      this.fresh.disabled = talks.isLocked;
      const { talk, act } = document.activeElement?.dataset ?? {};
      const isHere = this.rows.contains(document.activeElement);
      this.rows.replaceChildren(...this.#found.map((head) => this.#row(head)));
      this.note.replaceChildren(...this.#notes());
      // The buttons are new ones: the keyboard's place goes with them.
      if (isHere) this.#focus(talk, act);
    }

    #focus(talk, act) {
      const button = [...this.rows.querySelectorAll("button")].find(
        ({ dataset }) => dataset.talk === talk && dataset.act === act);
      (button ?? this.fresh).focus({ preventScroll: true });
    }

    #notes() {
      if (this.#undo) {
        return [`Deleted “${this.#undo.name}” · `, makeButton("pg-link", "Undo", () => this.#putBack())];
      }
      const stale = this.#heads.find(talks.isStale);
      if (stale) {
        const show = makeButton("pg-link", "Show it", () => talks.open(this.#trigger, stale.id));
        return [`“${stale.name}” went on in another window · `, show];
      }
      const words = talks.news || kept.problem;
      if (words) return [words];
      if (!kept.isOn()) return ["Nothing is kept: switch it on under History."];
      if (!this.#heads.length) return ["Each conversation is listed here by itself, and stays in this browser."];
      return this.#found.length ? [] : ["Nothing found."];
    }

    #row(head) {
      const row = make("li");
      const isCurrent = head.id === talks.current();
      const isLocked = talks.isLocked;
      const choose = makeButton("pg-kept-entry", "", () => this.#open(head));
      const name = make("span", "", head.name);
      name.translate = false;
      name.title = head.name;
      choose.append(name, make("small", "", facts(head)));
      if (isLocked) choose.title = "Once the reply has ended";
      choose.disabled = isLocked;
      if (isCurrent) choose.ariaCurrent = row.ariaCurrent = "true";
      const rename = makeIcon("pg-kept-act", "pencil", `Rename “${head.name}”`, () => this.#rename(row, head));
      const remove = makeIcon("pg-kept-act pg-kept-delete", "trash", `Delete “${head.name}”`, () => this.#remove(head));
      remove.disabled = isCurrent && isLocked;
      for (const [act, button] of Object.entries({ choose, rename, remove })) {
        Object.assign(button.dataset, { act, talk: head.id });
      }
      row.append(choose, rename, remove);
      return row;
    }

    #begin() {
      this.#undo = null;
      talks.begin(this.#trigger);
    }

    #open(head) {
      this.#undo = null;
      talks.goTo(this.#trigger, head.id);
    }

    #rename(row, head) {
      const box = make("input", "pg-talk-name");
      box.value = head.name;
      box.ariaLabel = `Name of “${head.name}”`;
      const end = async (isDone) => {
        if (this.#renamed !== head.id) return; // over already
        this.#renamed = "";
        const name = box.value.trim();
        if (isDone && name && name !== head.name) await talks.rename(head, name);
        await this.refresh();
      };
      box.addEventListener("keydown", async ({ key, isComposing }) => {
        if (isComposing || (key !== "Enter" && key !== "Escape")) return;
        await end(key === "Enter");
        this.#focus(head.id, "rename");
      });
      box.addEventListener("blur", () => end(true));
      this.#renamed = head.id;
      row.replaceChildren(box);
      box.select();
    }

    async #remove(head) {
      const place = this.#found.indexOf(head);
      const putBack = await talks.remove(this.#trigger, head);
      if (putBack) this.#undo = { name: head.name, putBack };
      await this.refresh();
      // The keyboard's place was on what is gone.
      const rows = this.rows.querySelectorAll(".pg-kept-delete");
      (rows[Math.min(place, rows.length - 1)] ?? this.fresh).focus({ preventScroll: true });
    }

    async #putBack() {
      const { putBack } = this.#undo;
      this.#undo = null;
      await putBack();
      this.fresh.focus({ preventScroll: true });
    }
  }

  return (element, trigger) => new TalkList(element, trigger);
})();
