// A hunk's lines with their numbers, and what differs within lines that were replaced.

import type { Hunk } from "../wire";

export interface DiffLine {
  sign: " " | "-" | "+";
  number: number | null;
  /** Before what differs, what differs, and after it. */
  parts: readonly [string, string, string];
}

export function diffLines(hunk: Hunk): DiffLine[] {
  let [old, now] = [hunk.old_start, hunk.new_start];
  const lines: DiffLine[] = hunk.lines.map((line) => {
    const sign = line[0] === "-" || line[0] === "+" ? line[0] : " ";
    const number = sign === "-" ? old : now;
    if (sign !== "+" && old !== null) old += 1;
    if (sign !== "-" && now !== null) now += 1;
    return { sign, number, parts: [line.slice(1), "", ""] };
  });
  for (let at = 0; at < lines.length;) {
    const removed = run(lines, at, "-");
    const added = run(lines, at + removed, "+");
    // As many lines as before: each stands for one.
    if (removed === added) for (let line = at; line < at + removed; line++) mark(lines, line, line + removed);
    at += Math.max(1, removed + added);
  }
  return lines;
}

function run(lines: readonly DiffLine[], from: number, sign: string): number {
  let to = from;
  while (lines[to]?.sign === sign) to += 1;
  return to - from;
}

function mark(lines: DiffLine[], before: number, after: number): void {
  const [one, other] = [lines[before], lines[after]];
  if (!one || !other) return;
  const [a, b] = [one.parts[0], other.parts[0]];
  const longest = Math.min(a.length, b.length);
  let head = 0;
  while (head < longest && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < longest - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  // Lines that have nothing in common were not changed but replaced.
  if (a.slice(0, head).trim() === "" && a.slice(a.length - tail).trim() === "") return;
  const cut = (text: string): [string, string, string] => [
    text.slice(0, head),
    text.slice(head, text.length - tail),
    text.slice(text.length - tail),
  ];
  lines[before] = { ...one, parts: cut(a) };
  lines[after] = { ...other, parts: cut(b) };
}
