// The editor's languages, by the names that ui/languages.py gives them.
import { StreamLanguage } from "@codemirror/language";
import { cpp } from "@codemirror/lang-cpp";
import { css } from "@codemirror/lang-css";
import { go } from "@codemirror/lang-go";
import { html } from "@codemirror/lang-html";
import { java } from "@codemirror/lang-java";
import { javascript } from "@codemirror/lang-javascript";
import { json } from "@codemirror/lang-json";
import { markdown } from "@codemirror/lang-markdown";
import { php } from "@codemirror/lang-php";
import { python } from "@codemirror/lang-python";
import { rust } from "@codemirror/lang-rust";
import { sql } from "@codemirror/lang-sql";
import { yaml } from "@codemirror/lang-yaml";
import { c, csharp, dart, kotlin, objectiveC, scala } from "@codemirror/legacy-modes/mode/clike";
import { diff } from "@codemirror/legacy-modes/mode/diff";
import { dockerFile } from "@codemirror/legacy-modes/mode/dockerfile";
import { haskell } from "@codemirror/legacy-modes/mode/haskell";
import { julia } from "@codemirror/legacy-modes/mode/julia";
import { lua } from "@codemirror/legacy-modes/mode/lua";
import { perl } from "@codemirror/legacy-modes/mode/perl";
import { powerShell } from "@codemirror/legacy-modes/mode/powershell";
import { r } from "@codemirror/legacy-modes/mode/r";
import { ruby } from "@codemirror/legacy-modes/mode/ruby";
import { shell } from "@codemirror/legacy-modes/mode/shell";
import { swift } from "@codemirror/legacy-modes/mode/swift";
import { toml } from "@codemirror/legacy-modes/mode/toml";

const stream = (mode) => () => StreamLanguage.define(mode);

const LANGUAGES = {
  c: stream(c),
  cpp,
  csharp: stream(csharp),
  css,
  dart: stream(dart),
  diff: stream(diff),
  dockerfile: stream(dockerFile),
  go,
  haskell: stream(haskell),
  html,
  java,
  javascript: () => javascript({ jsx: true }),
  json,
  julia: stream(julia),
  kotlin: stream(kotlin),
  lua: stream(lua),
  markdown,
  objectivec: stream(objectiveC),
  perl: stream(perl),
  // PHP code is seldom given from its `<?php` on.
  php: () => php({ plain: true }),
  powershell: stream(powerShell),
  python,
  r: stream(r),
  ruby: stream(ruby),
  rust,
  scala: stream(scala),
  shell: stream(shell),
  sql,
  swift: stream(swift),
  toml: stream(toml),
  typescript: () => javascript({ typescript: true }),
  yaml,
};

export const languageNames = Object.keys(LANGUAGES);

/** What colours and indents that language; nothing for a name that is not known. */
export const languageSupport = (name) => LANGUAGES[name]?.() ?? [];
