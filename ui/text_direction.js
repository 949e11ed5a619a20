// A text that grows is given its direction again by Gradio at each step, in every part of a reply
// (gradio 6.31). To Chromium that is a change, after which it computes the style of all that stands
// there anew. One that is the same is left alone; "auto" has to look at its new text.
(() => {
  const { get, set, ...rest } = Object.getOwnPropertyDescriptor(HTMLElement.prototype, "dir");
  Object.defineProperty(HTMLElement.prototype, "dir", {
    ...rest,
    get,
    set(value) {
      if (value === "auto" || get.call(this) !== value) set.call(this, value);
    },
  });
})();
