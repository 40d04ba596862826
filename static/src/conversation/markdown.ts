// An agent's Markdown as elements. What an agent writes may come from anywhere: only what is harmless stays,
// and nothing is fetched for it.

import DOMPurify from "dompurify";
import { Marked } from "marked";

const TAGS =
  "a b blockquote br code del em h1 h2 h3 h4 h5 h6 hr i input kbd li ol p pre s strong sub sup table tbody td th thead tr ul".split(
    " ",
  );

const marked = new Marked({ gfm: true, async: false });
const purify = DOMPurify(window);
purify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName === "A") {
    node.setAttribute("target", "_blank");
    node.setAttribute("rel", "noopener noreferrer");
  }
  // They scroll sideways.
  if (node.tagName === "PRE" || node.tagName === "TABLE") node.setAttribute("tabindex", "0");
  // A list of things done: nobody ticks them here.
  if (node.tagName === "INPUT") {
    node.setAttribute("disabled", "");
    node.setAttribute("aria-label", node.hasAttribute("checked") ? "Done" : "Not done");
  }
});

const languages = new WeakMap<Element, string>();
// What is code says in which language; the name is remembered, and no class stays.
purify.addHook("uponSanitizeAttribute", (node, { attrName, attrValue }) => {
  const language =
    attrName === "class" && node.tagName === "CODE" ? /^language-([\w+#-]+)/.exec(attrValue)?.[1] : undefined;
  if (language !== undefined) languages.set(node, language.toLowerCase());
});

/** The language of a block of code, as whoever wrote it called it. */
export const languageOf = (code: Element): string | undefined => languages.get(code);

export function markdown(text: string): DocumentFragment {
  const html = marked.parse(text) as string;
  return purify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ["href", "title", "checked", "type", "start", "align"],
    ALLOWED_URI_REGEXP: /^(https?|mailto):/i,
    ALLOW_DATA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
}
