// Files that go with a message. Runs once when the component loads, with Gradio's `element` and
// `trigger`, below ui/picked_files.js.
const work = element.closest(".pg-work");
const take = (files) => files.length && trigger("upload", { files });

work.addEventListener("click", ({ target }) => {
  if (target.closest("[data-attach]")) choose(take);
});
element.addEventListener("click", ({ target }) => {
  const { index } = target.closest("button")?.dataset ?? {};
  if (index === undefined) return;
  trigger("delete", { index: Number(index) });
  work.querySelector("#chat-message textarea").focus();
});
receiveDrops(work, take);
