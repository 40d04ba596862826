// Where a text stands in loaded output. Lines that were wrapped are one.

import type { Line } from "./render";

/** Loaded lines and their elements, one for each. */
export interface Lines {
  lines: readonly Line[];
  element: HTMLElement;
}

export interface Hit<P extends Lines = Lines> {
  page: P;
  /** The row in which its line begins, and where it begins in the line. */
  line: number;
  column: number;
}

export function isSame(one: Hit, other: Hit): boolean {
  return one.page === other.page && one.line === other.line && one.column === other.column;
}

/** Newest first. */
export function hitsIn<P extends Lines>(page: P, text: string): Hit<P>[] {
  const wanted = text.toLowerCase();
  const hits: Hit<P>[] = [];
  if (wanted === "") return hits;
  const { lines } = page;
  let content = "";
  for (let line = lines.length - 1; line >= 0; line--) {
    const { runs, note } = lines[line]!;
    if (note !== undefined) continue;
    content = runs.map((run) => run.text).join("") + (lines[line]!.wrapped ? content : "");
    if (line > 0 && lines[line - 1]!.wrapped) continue;
    const whole = content.toLowerCase();
    let column = whole.lastIndexOf(wanted);
    while (column >= 0) {
      hits.push({ page, line, column });
      column = column === 0 ? -1 : whole.lastIndexOf(wanted, column - 1);
    }
  }
  return hits;
}

/** Where a hit of so many letters stands in the page; null if it is not shown. */
export function rangeOf({ page, line, column }: Hit, length: number): Range | null {
  const range = document.createRange();
  let left = column;
  let rest = length;
  let open = false;
  for (let row = page.element.children[line]; row; row = row.nextElementSibling ?? undefined) {
    const walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const size = node.textContent?.length ?? 0;
      if (!open && left >= size) {
        left -= size;
        continue;
      }
      if (!open) range.setStart(node, left);
      const from = open ? 0 : left;
      open = true;
      if (from + rest <= size) {
        range.setEnd(node, from + rest);
        return range;
      }
      rest -= size - from;
    }
  }
  return null;
}
