// Colours for code: computed when nothing else is to be done, since they change no size.

import type { Hunk } from "../wire";
import type { Run } from "./syntax";

/** Longer code keeps the colour of text, in characters: what is highlighted is not interrupted. */
const LONGEST = 20_000;

const waiting: (() => void)[] = [];
let scheduled = false;
const whenIdle: (run: (idle: Pick<IdleDeadline, "timeRemaining">) => void) => void =
  "requestIdleCallback" in globalThis
    ? (run) => requestIdleCallback(run, { timeout: 500 })
    : (run) => setTimeout(() => run({ timeRemaining: () => 0 }), 16);

function later(work: () => void): void {
  waiting.push(work);
  if (scheduled) return;
  scheduled = true;
  whenIdle(function next(idle) {
    // At least one, or it would never end on a machine that is always busy.
    do waiting.shift()?.();
    while (waiting.length > 0 && idle.timeRemaining() > 4);
    scheduled = waiting.length > 0;
    if (scheduled) whenIdle(next);
  });
}

/** Tells the colours of code once they are known; nothing for a language that is not, until the answer is called. */
function colours(code: string, language: string, take: (runs: Run[]) => void): () => void {
  let wanted = code.length <= LONGEST;
  if (wanted) {
    // Without its file, code is still readable.
    import("./syntax").then(
      ({ runs }) => {
        if (!wanted) return;
        later(() => {
          const found = wanted ? runs(code, language) : null;
          if (found) take(found);
        });
      },
      () => undefined,
    );
  }
  return () => (wanted = false);
}

/** Colours the blocks of code in what was written, until the answer is called. */
export function colourBlocks(root: ParentNode, languageOf: (code: Element) => string | undefined): () => void {
  const stops = [...root.querySelectorAll("pre > code")].map((block) => {
    const language = languageOf(block);
    if (language === undefined) return () => undefined;
    return colours(block.textContent ?? "", language, (runs) => block.replaceChildren(...runs.map(element)));
  });
  return () => stops.forEach((stop) => stop());
}

function element([text, kind]: Run): Node {
  if (kind === null) return document.createTextNode(text);
  const span = document.createElement("span");
  span.className = `syn-${kind}`;
  span.textContent = text;
  return span;
}

/** The language of a file: how its name ends, or the whole name of one like Makefile. */
export function languageOfFile(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1).toLowerCase();
  return name.slice(name.lastIndexOf(".") + 1);
}

const known = new WeakMap<Hunk, (readonly Run[])[]>();

/** The colours of a hunk's lines, if they are known. */
export function coloursOf(hunk: Hunk): (readonly Run[])[] | undefined {
  return known.get(hunk);
}

/** Finds the colours of a hunk's lines, and says when they are known, until the answer is called. */
export function colourHunk(hunk: Hunk, language: string, done: () => void): () => void {
  // What was and what is are two programs: a string or a comment of several lines belongs to one of them.
  const sides = ["+", "-"]
    .map((other) => hunk.lines.flatMap((line, number) => (line[0] === other ? [] : [number])))
    .filter((numbers) => numbers.length > 0);
  const found: (readonly Run[])[] = hunk.lines.map((line) => [[line.slice(1), null]]);
  let missing = sides.length;
  const stops = sides.map((numbers) => {
    const code = numbers.map((number) => hunk.lines[number]?.slice(1)).join("\n");
    return colours(code, language, (runs) => {
      const coloured = lines(runs);
      numbers.forEach((number, line) => (found[number] = coloured[line] ?? []));
      missing -= 1;
      if (missing > 0) return;
      known.set(hunk, found);
      done();
    });
  });
  return () => stops.forEach((stop) => stop());
}

/** Cuts at line breaks. */
export function lines(runs: readonly Run[]): Run[][] {
  const all: Run[][] = [[]];
  for (const [text, kind] of runs) {
    const [first = "", ...more] = text.split("\n");
    all.at(-1)?.push([first, kind]);
    for (const part of more) all.push([[part, kind]]);
  }
  return all;
}

/** The part of a line that begins and ends at these characters. */
export function slice(runs: readonly Run[], from: number, to: number): Run[] {
  const part: Run[] = [];
  let at = 0;
  for (const [text, kind] of runs) {
    const cut = text.slice(Math.max(0, from - at), Math.max(0, to - at));
    if (cut !== "") part.push([cut, kind]);
    at += text.length;
  }
  return part;
}
