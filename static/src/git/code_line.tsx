// One line of code: its colours, and the words that changed.

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { DiffHunk, DiffLine } from "../wire";
import { languageOfFile, lines, slice } from "../conversation/code";
import type { Run } from "../conversation/syntax";
import { visible } from "../words";

/** Longer hunks keep the colour of text, in characters. */
const LONGEST = 30_000;

type Colours = (code: string, language: string) => Run[] | null;

/** Loaded when code is shown first; without it, code is still readable. */
const colours = signal<Colours | null>(null);
let asked = false;

function highlighter(): Colours | null {
  if (!asked) {
    asked = true;
    import("../conversation/syntax").then(
      (module) => (colours.value = module.runs),
      () => undefined,
    );
  }
  return colours.value;
}

/** The colours of a hunk's lines, by line. */
const known = new WeakMap<DiffHunk, ReadonlyMap<DiffLine, readonly Run[]>>();

function coloured(hunk: DiffHunk, path: string): ReadonlyMap<DiffLine, readonly Run[]> | null {
  const before = known.get(hunk);
  if (before) return before;
  const highlight = highlighter();
  if (!highlight) return null;
  const found = new Map<DiffLine, readonly Run[]>();
  // Each side is code of its own; context has the colours of the new one.
  for (const side of [hunk.lines.filter((line) => line.old !== null), hunk.lines.filter((line) => line.new !== null)]) {
    const code = side.map((line) => line.text).join("\n");
    const runs = code.length <= LONGEST ? highlight(code, languageOfFile(path)) : null;
    if (runs) lines(runs).forEach((line, index) => side[index] && found.set(side[index], line));
  }
  known.set(hunk, found);
  return found;
}

/** The text of a line. What would act on the page or hide is written out. */
export function Code({ hunk, line, path }: { hunk: DiffHunk | null; line: DiffLine; path: string }) {
  const runs: readonly Run[] = (hunk && coloured(hunk, path)?.get(line)) ?? [[line.text, null]];
  return (
    <code class="code">
      {marked(runs, line.words ?? [])}
      {line.text.endsWith("\r") && (
        <span class="end-mark" title="The line ends with CR LF">
          ␍
        </span>
      )}
      {line.bytes !== undefined && <span class="end-mark"> … {line.bytes.toLocaleString("en")} bytes</span>}
      {line.no_newline && (
        <span class="end-mark" title="No newline at the end of the file">
          ⊘
        </span>
      )}
    </code>
  );
}

/** Tabs stay tabs. */
const shown = (text: string): string =>
  text
    .split("\t")
    .map((part) => visible(part))
    .join("\t");

function marked(runs: readonly Run[], marks: readonly (readonly [from: number, to: number])[]): ComponentChildren[] {
  const pieces: ComponentChildren[] = [];
  const end = runs.reduce((sum, [text]) => sum + text.length, 0);
  const add = (from: number, to: number, isMarked: boolean): void => {
    for (const [text, kind] of slice(runs, from, to)) {
      const piece =
        kind === null ? (
          shown(text.replace(/\r$/, ""))
        ) : (
          <span class={`syn-${kind}`}>{shown(text.replace(/\r$/, ""))}</span>
        );
      pieces.push(isMarked ? <mark>{piece}</mark> : piece);
    }
  };
  let at = 0;
  for (const [from, to] of marks) {
    add(at, from, false);
    add(from, to, true);
    at = to;
  }
  add(at, end, false);
  return pieces;
}
