// Comments as text, for somebody who is not the session's agent.

import type { Comment } from "../wire";
import { visible } from "../words";

/** Where each one is, the lines that it is about, and what it says. */
export function commentsText(comments: readonly Comment[]): string {
  return comments
    .map(({ path, from, to, quote, text }) => {
      const lines = from === to ? from : `${from}-${to}`;
      return [`${visible(path)}:${lines}`, ...quote.map((line) => `> ${line.replace(/\r$/, "")}`), text].join("\n");
    })
    .join("\n\n");
}
