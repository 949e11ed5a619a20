// Buttons below each code block of a reply, which send it to another tab. Runs once when the
// component loads, with Gradio's `element` and `trigger`.
const tab = element.closest("[role=tabpanel]");
const BLOCKS = ":is(#chat-conversation .bot-row, .pg-answer) .code_wrap:not(:has(> .pg-send))";
const TARGETS = {
  Continue: { event: "select", tab: "continue", editor: "continue-prompt" },
  Infill: { event: "submit", tab: "infill", editor: "infill-prefix" },
};

const send = (button, { event, tab, editor }) => {
  if (document.getElementById(`${tab}-stop`)) {
    // What is being written there would be overwritten, or would overwrite this.
    const { label } = button.dataset;
    button.dataset.label = "It is busy";
    setTimeout(() => { button.dataset.label = label; }, 1200);
    return;
  }
  const code = button.closest(".code_wrap").querySelector("pre code");
  const language = [...code.classList].find((name) => name.startsWith("language-")) ?? "";
  document.getElementById(`${tab}-tab-button`).click();
  trigger(event, { text: code.textContent, language: language.replace("language-", "") });
  requestAnimationFrame(() => playgroundEditors.get(editor)?.view.focus());
};

const decorate = () => {
  // A reply is drawn anew with each update: the buttons come when it is whole.
  if (document.getElementById("chat-stop")) return;
  for (const block of tab.querySelectorAll(BLOCKS)) {
    const bar = document.createElement("div");
    bar.className = "pg-send";
    for (const [name, target] of Object.entries(TARGETS)) {
      const button = bar.appendChild(document.createElement("button"));
      button.type = "button";
      // Drawn by the style sheet: no part of the reply's text when that is selected and copied.
      button.dataset.label = `→ ${name}`;
      button.ariaLabel = button.title = `Send this code to ${name}`;
      button.addEventListener("click", () => send(button, target));
    }
    block.append(bar);
  }
};

let isDue = false;
new MutationObserver(() => {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    decorate();
  });
}).observe(tab, { childList: true, subtree: true });
decorate();
