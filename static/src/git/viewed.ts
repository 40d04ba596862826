// Which files were viewed, and whether they are still what was seen then.
//
// A version names both sides of a comparison. What was viewed is the new side: it is the same one after its lines were
// staged, and with another base. So a mark keeps its version in the comparison with the session's start, too.

import { signal } from "@preact/signals";
import type { Item } from "./rows";

interface Mark {
  /** The new side; null: not known. */
  side: string | null;
  /** Versions of comparisons with this new side. */
  same: readonly string[];
  /** The last version with another one. */
  other: string | null;
}

/** So many comparisons with one new side are remembered. */
const MOST = 12;

/** A name of the new side of a file; null: not known. */
export type SideOf = (path: string) => string | null;

const keyOf = (item: Item, to = item.to): string => `${to} ${item.file.path}`;

export class Viewed {
  private readonly marks = signal<ReadonlyMap<string, Mark>>(new Map());

  /** `store`: where this browser keeps them. */
  constructor(private readonly store: string) {
    try {
      const kept = Object.entries(JSON.parse(localStorage.getItem(store) ?? "{}") as Record<string, Mark>);
      this.marks.value = new Map(kept.filter(([, mark]) => Array.isArray(mark.same)));
    } catch {
      // Somebody else's.
    }
  }

  private change(run: (marks: Map<string, Mark>) => void): void {
    const marks = new Map(this.marks.value);
    run(marks);
    this.marks.value = marks;
    localStorage.setItem(this.store, JSON.stringify(Object.fromEntries(marks)));
  }

  has(item: Item, version: string | null): boolean {
    return version !== null && this.marks.value.get(keyOf(item))?.same.includes(version) === true;
  }

  /** It was viewed, and is another one now. */
  isChanged(item: Item, version: string | null): boolean {
    return version !== null && this.marks.value.get(keyOf(item))?.other === version;
  }

  add(item: Item, version: string): void {
    this.change((marks) => marks.set(keyOf(item), { side: null, same: [version], other: null }));
  }

  remove(item: Item): void {
    this.change((marks) => marks.delete(keyOf(item)));
  }

  /** This version has that new side. */
  know(item: Item, version: string, side: string): void {
    const mark = this.marks.value.get(keyOf(item));
    if (mark?.same.includes(version)) this.change((marks) => marks.set(keyOf(item), { ...mark, side, other: null }));
  }

  /** Whether it was viewed, and nobody knows whether this is what was seen. */
  isOpen(item: Item, version: string | null): boolean {
    const mark = this.marks.value.get(keyOf(item));
    return mark !== undefined && version !== null && mark.other !== version && !mark.same.includes(version);
  }

  /** Decides that by their new sides. */
  settle(items: readonly Item[], versionOf: (item: Item) => string | null, sideOf: SideOf): void {
    this.change((marks) => {
      for (const item of items) {
        const [mark, version, side] = [marks.get(keyOf(item)), versionOf(item), sideOf(item.file.path)];
        if (!mark || version === null) continue;
        const isSame = side !== null && side === mark.side;
        const same = isSame ? [...mark.same, version].slice(-MOST) : mark.same;
        marks.set(keyOf(item), { ...mark, same, other: isSame ? null : version });
      }
    });
  }

  /** What was viewed is now on the other side of the index as well. */
  carry(item: Item): void {
    const mark = this.marks.value.get(keyOf(item));
    const side = mark?.side ?? null;
    const to = item.to === "index" ? "work" : "index";
    if (side !== null) this.change((marks) => marks.set(keyOf(item, to), { side, same: [], other: null }));
  }
}
