// Files that are chosen or dropped, read here: [{name, text}], or {name, problem} for what is not
// sent. The problems are those of ui/picked_files.py.
const readFile = async (file, room) => {
  if (file.size > room) return { name: file.name, problem: "long" };
  let bytes;
  try {
    bytes = await file.arrayBuffer();
  } catch {
    return { name: file.name, problem: "unreadable" };
  }
  // UTF-16 has NUL bytes, too, and is no binary file.
  const [first, second] = new Uint8Array(bytes);
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  if (isUtf16) return { name: file.name, problem: "encoding" };
  if (new Uint8Array(bytes).includes(0)) return { name: file.name, problem: "binary" };
  try {
    return { name: file.name, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    return { name: file.name, problem: "encoding" };
  }
};

const readFiles = async (files) => {
  const read = [];
  let room = MAX_BYTES;
  for (const file of files) {
    read.push(await readFile(file, room));
    if (read.at(-1).text !== undefined) room -= file.size;
  }
  return read;
};

const choose = (take) => {
  const input = document.createElement("input");
  input.type = "file";
  input.multiple = true;
  input.onchange = async () => take(await readFiles(input.files));
  input.click();
};

/** Have `target` take files that are dropped on it; all else that is dropped goes its usual way. */
const receiveDrops = (target, take) => {
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  const mark = (isOver) => target.classList.toggle("pg-drop-here", isOver);
  target.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    mark(true);
  });
  target.addEventListener("dragleave", (event) => {
    if (!target.contains(event.relatedTarget)) mark(false);
  });
  target.addEventListener("drop", async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.stopPropagation();
    mark(false);
    take(await readFiles(event.dataTransfer.files));
  });
};
