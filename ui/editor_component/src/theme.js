// Colours of code, from the page's own variables: dark mode follows by itself.
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { tags } from "@lezer/highlight";

const inColour = (name, ...of) => ({ tag: of, color: `var(--pg-${name})` });

const colours = HighlightStyle.define([
  inColour("keyword", tags.keyword, tags.modifier, tags.operatorKeyword, tags.tagName),
  inColour("string", tags.string, tags.special(tags.string), tags.regexp, tags.character),
  inColour("number", tags.number, tags.bool, tags.null, tags.atom, tags.escape),
  inColour("name", tags.definition(tags.variableName), tags.function(tags.definition(tags.variableName))),
  inColour("name", tags.className, tags.definition(tags.propertyName), tags.attributeName),
  inColour("builtin", tags.typeName, tags.standard(tags.variableName), tags.namespace, tags.macroName),
  { ...inColour("comment", tags.comment, tags.meta), fontStyle: "italic" },
  { ...inColour("name", tags.heading), fontWeight: "600" },
  { tag: tags.strong, fontWeight: "600" },
  { tag: tags.emphasis, fontStyle: "italic" },
  { tag: [tags.link, tags.url], textDecoration: "underline" },
]);

export const theme = syntaxHighlighting(colours, { fallback: true });
