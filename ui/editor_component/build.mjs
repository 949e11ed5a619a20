// Bundles src/ to ../static/editor.js, with the licences of all that is in it beside it.
// `make editor` runs it.
import { createHash } from "node:crypto";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const BUNDLE = new URL("../static/editor.js", import.meta.url);
const NOTICE = new URL("../static/editor.LICENSES.txt", import.meta.url);

const { outputFiles, metafile } = await build({
  entryPoints: ["src/main.js"],
  absWorkingDir: new URL(".", import.meta.url).pathname,
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  metafile: true,
  write: false,
});

const packages = new Set();
for (const path of Object.keys(metafile.inputs)) {
  const name = path.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)\//)?.[1];
  if (name) packages.add(name);
}
const parts = ["editor.js holds these packages, each under the licence that follows its name.\n"];
for (const name of [...packages].sort()) {
  const folder = new URL(`node_modules/${name}/`, import.meta.url);
  const { version, license } = JSON.parse(await readFile(new URL("package.json", folder)));
  const file = (await readdir(folder)).find((each) => /^licen[cs]e/i.test(each));
  if (!file) throw new Error(`${name} has no licence text`);
  parts.push(`${name} ${version} (${license})\n\n${(await readFile(new URL(file, folder), "utf8")).trim()}\n`);
}

await writeFile(BUNDLE, `/* sources ${await digest()} · licences in editor.LICENSES.txt */\n${outputFiles[0].text}`);
await writeFile(NOTICE, parts.join(`\n${"-".repeat(80)}\n\n`));

/** Of all that the bundle is made from, so that a test without Node sees when it is out of date. */
async function digest() {
  const sources = (await readdir(new URL("src/", import.meta.url))).map((name) => `src/${name}`);
  const hash = createHash("sha256");
  for (const path of ["build.mjs", "package-lock.json", ...sources.sort()]) {
    hash.update(`${path}\0`).update(await readFile(new URL(path, import.meta.url)));
  }
  return hash.digest("hex");
}
