// Which words of a line are others than in the line that it replaced.

/** Longer lines are compared as a whole, in characters. */
const LONGEST = 1000;
const PARTS = /[\p{L}\p{N}_]+|\s+|./gu;

/** A part of a line, in UTF-16 units, from and to. */
export type Span = readonly [from: number, to: number];

/** The parts of both lines that the other one does not have. Nothing where the lines have little in common. */
export function changedWords(before: string, after: string): [Span[], Span[]] {
  if (before.length > LONGEST || after.length > LONGEST) return [[], []];
  const old = before.match(PARTS) ?? [];
  const young = after.match(PARTS) ?? [];
  let start = 0;
  while (start < old.length && start < young.length && old[start] === young[start]) start++;
  let end = 0;
  while (end < old.length - start && end < young.length - start && old.at(-1 - end) === young.at(-1 - end)) end++;
  const kept = common(old.slice(start, old.length - end), young.slice(start, young.length - end));
  const spans = [old, young].map((parts, side) => spansOf(parts, start, end, new Set(kept.map((pair) => pair[side]!))));
  const [removed, added] = spans as [Span[], Span[]];
  const changed = (line: string, found: Span[]): number =>
    found.reduce((sum, [from, to]) => sum + line.slice(from, to).trim().length, 0);
  const same = before.trim().length - changed(before, removed);
  // All of it marked says nothing.
  if (same * 4 < Math.min(before.trim().length, after.trim().length)) return [[], []];
  return [removed, added];
}

/** Pairs of places of a longest common subsequence. */
function common(one: readonly string[], other: readonly string[]): [number, number][] {
  const width = other.length + 1;
  const lengths = new Uint16Array((one.length + 1) * width);
  for (let a = one.length - 1; a >= 0; a--)
    for (let b = other.length - 1; b >= 0; b--)
      lengths[a * width + b] =
        one[a] === other[b]
          ? lengths[(a + 1) * width + b + 1]! + 1
          : Math.max(lengths[(a + 1) * width + b]!, lengths[a * width + b + 1]!);
  const pairs: [number, number][] = [];
  for (let a = 0, b = 0; a < one.length && b < other.length;)
    if (one[a] === other[b]) pairs.push([a++, b++]);
    else if (lengths[(a + 1) * width + b]! >= lengths[a * width + b + 1]!) a++;
    else b++;
  return pairs;
}

function spansOf(parts: readonly string[], start: number, end: number, kept: ReadonlySet<number>): Span[] {
  const spans: [number, number][] = [];
  let at = 0;
  parts.forEach((part, index) => {
    const isKept = index < start || index >= parts.length - end || kept.has(index - start);
    const last = spans.at(-1);
    if (!isKept && last?.[1] === at) last[1] = at + part.length;
    else if (!isKept) spans.push([at, at + part.length]);
    at += part.length;
  });
  return spans;
}
