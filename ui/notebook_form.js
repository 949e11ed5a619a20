// A notebook's file, opened or pasted, without what no model reads. Runs each time that the form is
// shown, with Gradio's `element` and `trigger`, below ui/picked_files.js.
const MAX_FILE_BYTES = 50_000_000;

/** `text` without images, HTML and attachments, which often are most of an .ipynb. */
const slim = (text) => {
  const book = JSON.parse(text);
  for (const cell of book.cells) {
    delete cell.attachments;
    for (const output of cell.outputs ?? []) {
      delete output.traceback;
      if (output.data) output.data = { "text/plain": output.data["text/plain"] ?? "" };
    }
  }
  return JSON.stringify(book);
};

/** The same; what is no notebook stays as it is, for the server to say so. */
const slimmed = (text) => {
  try {
    return slim(text);
  } catch {
    return text;
  }
};

const take = (name, text) => {
  const isLong = new TextEncoder().encode(text).length > MAX_BYTES;
  trigger("upload", { files: [isLong ? { name, problem: "long" } : { name, text }] });
};

element.addEventListener("click", ({ target }) => {
  if (!target.closest("button")) return;
  const input = document.createElement("input");
  input.type = "file";
  input.accept = ".ipynb";
  input.onchange = async () => {
    const file = await readFile(input.files[0], MAX_FILE_BYTES);
    if (file.problem) trigger("upload", { files: [file] });
    else take(file.name, slimmed(file.text));
  };
  input.click();
});

const isNotebook = (text) => {
  try {
    const book = text.trimStart().startsWith("{") && JSON.parse(text);
    return "nbformat" in book && Array.isArray(book.cells);
  } catch {
    return false;
  }
};

const editor = document.querySelector("#continue-prompt");
// Before the editor takes it; once the form is not shown any more, another one listens.
const receivePaste = (event) => {
  if (!element.isConnected) {
    editor.removeEventListener("paste", receivePaste, true);
    return;
  }
  const text = event.clipboardData?.getData("text/plain") ?? "";
  if (!isNotebook(text)) return;
  event.preventDefault();
  event.stopPropagation();
  take("What was pasted", slimmed(text));
};
editor.addEventListener("paste", receivePaste, true);
