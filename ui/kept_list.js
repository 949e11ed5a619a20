// The history of a tab, drawn from what this browser keeps.
playgroundKept.showHistory = (() => {
  const kept = window.playgroundKept;
  const SEARCH_FROM = 10;
  const CONFIRM_MS = 4000;
  const { make, makeButton, makeIcon, makeSearch, makeNote, wordsOf, holds } = kept.parts;

  const facts = ({ time, tokens, why, model }) =>
    [kept.when(time), `${tokens.toLocaleString("en")} ${tokens === 1 ? "token" : "tokens"}`, why, model].join("\u00a0· ");
  const firstLine = (text) => text.split("\n", 1)[0];
  const matches = (entry, words) => holds(`${entry.text}\n${facts(entry)}`.toLowerCase(), words);

  class History {
    #tab;
    #props;
    #trigger;
    #entries = [];
    #putBack = null;

    constructor(element, tab, { props, watch, trigger }) {
      this.#tab = tab;
      this.#props = props;
      this.#trigger = trigger;
      element.classList.add("pg-kept");
      element.replaceChildren(...this.#build());
      const follow = () => (element.isConnected ? this.refresh() : kept.forget(follow));
      kept.onChange(follow);
      watch("interactive", () => this.#draw());
      this.refresh();
    }

    async refresh() {
      this.#entries = await kept.list(this.#tab);
      this.#draw();
    }

    #build() {
      const header = make("header");
      const label = header.appendChild(make("label"));
      this.keeps = label.appendChild(make("input"));
      this.keeps.type = "checkbox";
      this.keeps.addEventListener("change", () => kept.switchTo(this.keeps.checked));
      label.append("Keep in this browser");
      this.clear = header.appendChild(makeButton("", "", () => this.#askOrClear()));
      this.search = makeSearch("Search the history", () => this.#draw());
      this.rows = make("ul");
      this.note = makeNote();
      return [header, this.search, this.note, this.rows];
    }

    #draw() {
      const count = this.#entries.length;
      this.keeps.checked = kept.isOn();
      this.clear.hidden = count === 0;
      this.#disarm();
      this.search.hidden = count < SEARCH_FROM;
      const words = this.search.hidden ? [] : wordsOf(this.search.value);
      const found = this.#entries.filter((entry) => matches(entry, words));
      this.rows.replaceChildren(...found.map((entry) => this.#row(entry)));
      this.note.replaceChildren(...this.#notes(found));
    }

    #notes(found) {
      const notes = [];
      if (this.#putBack) {
        notes.push("Deleted. ", makeButton("pg-link", "Undo", async () => {
          const putBack = this.#putBack;
          this.#putBack = null;
          await putBack();
        }));
      } else if (kept.problem) notes.push(kept.problem);
      else if (!this.#entries.length) {
        notes.push(kept.isOn()
          ? "Nothing yet. What is generated is listed here, with its settings, and can be brought back. It stays in this browser."
          : "Nothing is kept: neither a history, nor your work for the next time you open the page.");
      } else if (!found.length) notes.push("Nothing found.");
      return notes;
    }

    #row(entry) {
      const row = make("li");
      const choose = row.appendChild(makeButton("pg-kept-entry", "", () => this.#choose(entry)));
      choose.disabled = this.#props.interactive === false;
      choose.title = choose.disabled ? "Once the generation has ended" : "Bring it back";
      choose.append(make("code", "", firstLine(entry.text)), make("small", "", facts(entry)));
      const title = `Delete the entry of ${kept.when(entry.time)}`;
      row.append(makeIcon("pg-kept-delete", "trash", title, () => this.#remove(entry)));
      return row;
    }

    async #choose({ id }) {
      const work = await kept.work(id);
      if (work) this.#trigger("select", { work });
    }

    async #remove(entry) {
      const place = this.#entries.indexOf(entry);
      this.#putBack = await kept.remove(entry);
      await this.refresh();
      // The keyboard's place was on what is gone.
      const rows = this.rows.querySelectorAll(".pg-kept-delete");
      (rows[Math.min(place, rows.length - 1)] ?? this.keeps).focus({ preventScroll: true });
    }

    #askOrClear() {
      if (this.timer) {
        this.#putBack = null;
        kept.clear(this.#tab);
        return;
      }
      const count = this.#entries.length;
      this.clear.textContent = `Delete ${count === 1 ? "this 1" : `all ${count}`}?`;
      this.clear.classList.add("pg-armed");
      this.timer = setTimeout(() => this.#disarm(), CONFIRM_MS);
    }

    #disarm() {
      clearTimeout(this.timer);
      this.timer = null;
      this.clear.textContent = "Clear";
      this.clear.classList.remove("pg-armed");
    }
  }

  return (element, tab, context) => new History(element, tab, context);
})();
