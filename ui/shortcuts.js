// Shortcuts: the lines of the help (ui/shortcuts.py) say which keys press which buttons.
(() => {
  const isMac = /mac|iphone|ipad/i.test(navigator.userAgentData?.platform ?? navigator.platform);
  document.documentElement.classList.toggle("pg-mac", isMac);

  const lines = () => [...document.querySelectorAll("[data-presses]")].map((line) => line.dataset);
  const isVisible = (element) => element.offsetParent !== null;

  /** As ui/shortcuts.py writes it. On a Mac, Control does what Command does. */
  const chordOf = ({ key, ctrlKey, metaKey, shiftKey, altKey }) =>
    [(ctrlKey || metaKey) && "Mod", shiftKey && "Shift", altKey && "Alt", key].filter(Boolean).join("+");

  const press = (selector) => {
    const button = [...document.querySelectorAll(selector)].find(isVisible);
    if (button && !button.disabled && !button.closest("[inert]")) button.click();
  };

  const TEXT = "input, textarea, select, [contenteditable]";

  // Capture: the code editor and the message box have meanings of their own for Enter.
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || document.querySelector("dialog[open]")) return;
    const { target } = event;
    if (event.key === "?" && !target.closest?.(TEXT)) {
      event.preventDefault();
      document.querySelector("[data-opens]").click();
      return;
    }
    if (event.key !== "Enter" && event.key !== "Escape") return;
    const line = lines().find(({ keys }) => keys === chordOf(event));
    if (!line) return;
    if (event.key === "Escape") {
      // The editor's search, a token's list and a box for a name close by it, and Tab after it leaves
      // the editor.
      const isClosing = target.closest?.(".cm-search, .pg-talk-name, .pg-tokens:has(.pg-t-open)");
      if (!isClosing && !event.defaultPrevented) press(line.presses);
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) press(line.presses);
  }, true);

  document.addEventListener("click", ({ target }) => {
    const opener = target.closest?.("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens).showModal();
  });

  // Gradio makes a button anew whenever it comes into view.
  const label = () => {
    const spoken = new Map();
    for (const { keys, presses } of lines()) {
      const name = keys.replace("Mod", isMac ? "Meta" : "Control");
      for (const button of document.querySelectorAll(presses)) {
        spoken.set(button, [...(spoken.get(button) ?? []), name]);
      }
    }
    spoken.forEach((names, button) => {
      if (!button.ariaKeyShortcuts) button.ariaKeyShortcuts = names.join(" ");
    });
  };
  let isDue = false;
  new MutationObserver(() => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      label();
    });
  }).observe(document, { childList: true, subtree: true });
})();
