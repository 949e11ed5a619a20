// Shortcuts, copy buttons and what else the page does without asking the server.
(() => {
  const isVisible = (element) => element !== null && element.offsetParent !== null;
  const clickFirst = (selector) => {
    const button = [...document.querySelectorAll(selector)].find(isVisible);
    if (!button || button.disabled) return false;
    button.click();
    return true;
  };

  // Capture: the code editor has a meaning of its own for Ctrl+Enter.
  document.addEventListener("keydown", (event) => {
    const isGenerate = event.key === "Enter" && (event.ctrlKey || event.metaKey);
    const isInSearch = event.target.closest?.(".cm-search"); // which Escape closes
    const isStop = event.key === "Escape" && !event.defaultPrevented && !isInSearch;
    if (isGenerate && clickFirst("button.pg-run")) {
      event.preventDefault();
      event.stopPropagation();
    } else if (isStop) {
      clickFirst("button.pg-stop");
    }
  }, true);

  const copy = async (text) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    // Without https there is no clipboard API: a hidden box does it.
    const box = document.body.appendChild(document.createElement("textarea"));
    box.value = text;
    box.select();
    document.execCommand("copy");
    box.remove();
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("button[data-copy]");
    if (button) {
      // An editor shows only the lines in view, and so gives its text itself.
      const source = () => button.closest("section").querySelector(button.dataset.copy);
      await copy(button.copyText ? button.copyText() : (source()?.textContent ?? ""));
      const label = button.textContent;
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = label; }, 1200);
    }
    event.target.closest?.(".pg-dismiss")?.closest(".pg-notice").remove();
  });
})();
