// What the words of a program are. Its own file to load: only code needs it.

import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import dockerfile from "highlight.js/lib/languages/dockerfile";
import go from "highlight.js/lib/languages/go";
import ini from "highlight.js/lib/languages/ini";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import makefile from "highlight.js/lib/languages/makefile";
import markdown from "highlight.js/lib/languages/markdown";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import shell from "highlight.js/lib/languages/shell";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";

const LANGUAGES = {
  bash,
  c,
  cpp,
  css,
  diff,
  dockerfile,
  go,
  ini,
  java,
  javascript,
  json,
  makefile,
  markdown,
  python,
  rust,
  shell,
  sql,
  typescript,
  xml,
  yaml,
};
for (const [name, language] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, language);

/** The colours that there are, by what they are for. */
export type Kind = "key" | "str" | "num" | "fn" | "type" | "com" | "add" | "del";
/** Text of one colour; null is the colour of text. */
export type Run = readonly [text: string, kind: Kind | null];

/** By the class that highlight.js gives, without its prefix. What is missing looks like what is around it. */
const KINDS: Record<string, Kind | null> = {
  keyword: "key",
  name: "key",
  "selector-tag": "key",
  "variable language_": "key",
  doctag: "key",
  string: "str",
  regexp: "str",
  link: "str",
  code: "str",
  symbol: "str",
  number: "num",
  literal: "num",
  "variable constant_": "num",
  bullet: "num",
  "title function_": "fn",
  "title function_ invoke__": "fn",
  title: "fn",
  attr: "fn",
  attribute: "fn",
  property: "fn",
  variable: "fn",
  section: "fn",
  "selector-class": "fn",
  "selector-id": "fn",
  type: "type",
  built_in: "type",
  "title class_": "type",
  "title class_ inherited__": "type",
  "selector-attr": "type",
  "selector-pseudo": "type",
  comment: "com",
  quote: "com",
  meta: "com",
  "meta prompt_": "com",
  addition: "add",
  deletion: "del",
  subst: null,
  params: null,
};

const ENTITIES: Record<string, string> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#x27;": "'" };
const PARTS = /<span class="([^"]*)">|<\/span>|[^<]+/g;

/** The code in its colours, or null for a language that is not known. `language` is a name, or how a file's name ends. */
export function runs(code: string, language: string): Run[] | null {
  if (!hljs.getLanguage(language)) return null;
  // Text and nested spans, by the library's word; only text leaves here, and none of it is HTML.
  const { value } = hljs.highlight(code, { language, ignoreIllegals: true });
  const around: (Kind | null)[] = [null];
  const found: Run[] = [];
  for (const [part, name] of value.matchAll(PARTS)) {
    const kind = around.at(-1) ?? null;
    if (name !== undefined) {
      const own = KINDS[name.replace(/^hljs-/, "")];
      around.push(own === undefined ? kind : own);
    } else if (part === "</span>") {
      around.pop();
    } else {
      found.push([part.replace(/&[#\w]+;/g, (entity) => ENTITIES[entity] ?? entity), kind]);
    }
  }
  return found;
}
