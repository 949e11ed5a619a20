// Copy buttons and what else the page does without asking the server.
(() => {
  const copy = async (text) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    // Without https there is no clipboard API: a hidden box does it.
    const box = document.body.appendChild(document.createElement("textarea"));
    box.value = text;
    box.select();
    document.execCommand("copy");
    box.remove();
  };

  // The exact prompt costs nothing while its panel is closed, and is drawn when the typing pauses.
  const touches = {};
  document.addEventListener("pg-prompt-touched", ({ detail: panel }) => {
    clearTimeout(touches[panel]);
    touches[panel] = setTimeout(() => {
      if (document.querySelector(`#${panel} > .label-wrap.open`)) {
        document.getElementById(`${panel}-refresh`)?.click();
      }
    }, 200);
  });

  const save = (name, text) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
  const handOut = {
    text: ({ segments }) => copy(segments.map((part) => part.special ?? part.text).join("")),
    ids: ({ segments }) => copy(JSON.stringify(segments.flatMap((part) => part.ids))),
    file: (prompt) => save("prompt.json", JSON.stringify(prompt, null, 2)),
  };

  const confirm = (button, word) => {
    const label = button.textContent;
    button.textContent = word;
    setTimeout(() => { button.textContent = label; }, 1200);
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("button[data-copy]");
    if (button) {
      // An editor shows only the lines in view, and so gives its text itself.
      const source = () => button.closest("section").querySelector(button.dataset.copy);
      await copy(button.copyText ? button.copyText() : (source()?.textContent ?? ""));
      confirm(button, "Copied");
    }
    const taker = event.target.closest?.("button[data-prompt]");
    if (taker) {
      const whole = taker.closest("section").querySelector(".pg-whole-prompt").textContent;
      await handOut[taker.dataset.prompt](JSON.parse(whole));
      confirm(taker, taker.dataset.prompt === "file" ? "Saved" : "Copied");
    }
    event.target.closest?.(".pg-dismiss")?.closest(".pg-notice").remove();
  });
})();
