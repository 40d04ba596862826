// What the stream of differences consists of, row by row: pure, from what is known of the files.

import type { Comment, DiffFile, DiffHunk, DiffLine, FileDiff } from "../wire";

/** Where a file stands: what can be done to it follows from that. */
export type Section = "conflicted" | "staged" | "changed" | "untracked" | "compared";

/** A file of the stream. */
export interface Item {
  key: string;
  section: Section;
  file: DiffFile;
  base: string;
  to: string;
}

/** What was loaded of a file. */
export interface Loaded {
  diff: FileDiff | null;
  failed: string | null;
  /** Lines that were unfolded, by the new number of the first one. */
  unfolded: ReadonlyMap<number, readonly string[]>;
}

export interface Pair {
  left: DiffLine | null;
  right: DiffLine | null;
}

export type Row =
  | { kind: "file"; key: string; item: Item }
  | { kind: "note"; key: string; item: Item; text: string }
  | { kind: "load"; key: string; item: Item; text: string }
  | { kind: "images"; key: string; item: Item }
  | { kind: "fold"; key: string; item: Item; from: number; to: number; shift: number; heading: string }
  | { kind: "hunk"; key: string; item: Item; hunk: DiffHunk }
  | { kind: "line"; key: string; item: Item; hunk: DiffHunk | null; line: DiffLine }
  | { kind: "pair"; key: string; item: Item; hunk: DiffHunk | null; pair: Pair }
  | { kind: "comment"; key: string; item: Item; comment: Comment }
  | { kind: "write"; key: string; item: Item };

/** Larger differences are loaded on request, in lines. */
export const MANY = 500;

/** Whether a file stays folded until somebody asks for it. */
export function isHeavy(file: DiffFile): boolean {
  return file.generated || (file.added ?? 0) + (file.removed ?? 0) > MANY;
}

/** A repository inside this one, of which git tracks nothing here. */
export function isNested(file: DiffFile): boolean {
  return file.path.endsWith("/");
}

export interface View {
  split: boolean;
  loaded: (item: Item) => Loaded | undefined;
  /** Only its name is shown. */
  folded: (item: Item) => boolean;
  comments: readonly Comment[];
  /** Where a comment is being written: a file, a side, and its last line. */
  writing: { key: string; side: "old" | "new"; to: number } | null;
}

const IMAGE = /\.(png|jpe?g|gif|webp)$/i;

const WHOLE: Record<string, string> = {
  binary: "A binary file.",
  too_large: "Larger than 64 MiB.",
  symlink: "A symbolic link.",
  submodule: "A submodule.",
  filter: "Git passes this file through a filter program (git LFS, for example). Stage it in the terminal.",
  conflicted: "Both sides of a merge changed it. Resolve it, then stage the whole file.",
};

export function rowsOf(items: readonly Item[], view: View): Row[] {
  const rows: Row[] = [];
  for (const item of items) {
    rows.push(fileRow(item));
    if (!view.folded(item)) rowsOfFile(item, view, rows);
  }
  return rows;
}

/** What does not change keeps its object, so that it is not drawn again. */
const fileRows = new WeakMap<Item, Row>();
const hunkRows = new WeakMap<DiffHunk, { item: Item; split: boolean; rows: readonly Row[] }>();

function fileRow(item: Item): Row {
  const known = fileRows.get(item);
  if (known) return known;
  const row: Row = { kind: "file", key: item.key, item };
  fileRows.set(item, row);
  return row;
}

function rowsOfHunk(item: Item, hunk: DiffHunk, split: boolean): readonly Row[] {
  const known = hunkRows.get(hunk);
  if (known?.item === item && known.split === split) return known.rows;
  const head: Row[] = hunk.skipped === 0 ? [{ kind: "hunk", key: `${item.key}@${hunk.name}`, item, hunk }] : [];
  const rows = [...head, ...(split ? pairs(item, hunk) : lines(item, hunk))];
  hunkRows.set(hunk, { item, split, rows });
  return rows;
}

function rowsOfFile(item: Item, view: View, rows: Row[]): void {
  const add = (row: Row): void => void rows.push(row);
  if (isNested(item.file))
    return add({
      kind: "note",
      key: `${item.key}?`,
      item,
      text: "A repository of its own. Add it with git in the terminal.",
    });
  const loaded = view.loaded(item);
  if (loaded?.failed) return add({ kind: "note", key: `${item.key}!`, item, text: loaded.failed });
  if (!loaded?.diff) return add({ kind: "load", key: `${item.key}…`, item, text: "Loading" });
  const { diff } = loaded;
  const modes = item.file.old_mode && item.file.new_mode && item.file.old_mode !== item.file.new_mode;
  if (modes)
    add({ kind: "note", key: `${item.key}#`, item, text: `Mode ${item.file.old_mode} → ${item.file.new_mode}` });
  if (diff.whole === "binary" && IMAGE.test(item.file.path)) add({ kind: "images", key: `${item.key}i`, item });
  else if (diff.whole !== null) add({ kind: "note", key: `${item.key}?`, item, text: WHOLE[diff.whole] ?? "" });
  const shown: Row[] = [];
  let end = { old: 1, new: 1 };
  for (const hunk of diff.hunks) {
    if (hunk.skipped === 0) {
      // A span of no lines begins behind the line that it names.
      const first = {
        old: hunk.old_start + (hunk.old_lines === 0 ? 1 : 0),
        new: hunk.new_start + (hunk.new_lines === 0 ? 1 : 0),
      };
      unfolded(item, loaded, end.new, first.new, end.old - end.new, hunk.heading, view.split, shown);
      end = { old: first.old + hunk.old_lines, new: first.new + hunk.new_lines };
    }
    for (const row of rowsOfHunk(item, hunk, view.split)) shown.push(row);
  }
  for (const row of withComments(item, view, shown)) rows.push(row);
  if (diff.next !== null)
    add({
      kind: "load",
      key: `${item.key}+${diff.next}`,
      item,
      text: `${(diff.lines - diff.next).toLocaleString("en")} more lines`,
    });
}

/** Comments stand below their lines; those on lines that are not shown stand above all of them. */
function withComments(item: Item, view: View, shown: readonly Row[]): readonly Row[] {
  const comments = placesOf(item, view.comments);
  const writing = view.writing?.key === item.key ? view.writing : null;
  if (comments.length === 0 && writing === null) return shown;
  const cardOf = (comment: Comment): Row => ({ kind: "comment", key: `${item.key}c${comment.id}`, item, comment });
  const placed = new Set<Comment>();
  const rows: Row[] = [];
  for (const row of shown) {
    rows.push(row);
    for (const at of numbersOf(row)) {
      for (const comment of comments.filter((each) => each.side === at.side && each.to === at.number && !each.stale)) {
        placed.add(comment);
        rows.push(cardOf(comment));
      }
      if (writing?.side === at.side && writing.to === at.number)
        rows.push({ kind: "write", key: `${item.key}w`, item });
    }
  }
  return [...comments.filter((comment) => !placed.has(comment)).map(cardOf), ...rows];
}

/** The comments that belong to a file of the stream. */
function placesOf(item: Item, comments: readonly Comment[]): readonly Comment[] {
  return comments.filter(
    (comment) => comment.path === item.file.path && comment.of === (comment.side === "new" ? item.to : item.base),
  );
}

function numbersOf(row: Row): { side: "old" | "new"; number: number }[] {
  const numbers: { side: "old" | "new"; number: number }[] = [];
  const take = (line: DiffLine | null): void => {
    if (line?.new != null) numbers.push({ side: "new", number: line.new });
    if (line?.old != null && line.new == null) numbers.push({ side: "old", number: line.old });
  };
  if (row.kind === "line") take(row.line);
  if (row.kind === "pair") {
    take(row.pair.left);
    if (row.pair.right !== row.pair.left) take(row.pair.right);
  }
  return numbers;
}

/** The unchanged lines before a hunk: folded, or as far as they were asked for. */
function unfolded(
  item: Item,
  loaded: Loaded,
  from: number,
  to: number,
  shift: number,
  heading: string,
  split: boolean,
  rows: Row[],
): void {
  let at = from;
  const known = loaded.unfolded.get(from);
  for (const text of known ?? []) {
    if (at >= to) break;
    const line: DiffLine = { old: at + shift, new: at, text };
    rows.push(
      split
        ? { kind: "pair", key: `${item.key}=${at}`, item, hunk: null, pair: { left: line, right: line } }
        : { kind: "line", key: `${item.key}=${at}`, item, hunk: null, line },
    );
    at++;
  }
  if (at < to) rows.push({ kind: "fold", key: `${item.key}~${from}`, item, from, to, shift, heading });
}

function lines(item: Item, hunk: DiffHunk): Row[] {
  return hunk.lines.map((line) => ({ kind: "line", key: keyOf(item, line), item, hunk, line }));
}

/** Removed and added lines of one change beside each other. */
function pairs(item: Item, hunk: DiffHunk): Row[] {
  const rows: Row[] = [];
  let left: DiffLine[] = [];
  let right: DiffLine[] = [];
  const end = (): void => {
    for (let at = 0; at < Math.max(left.length, right.length); at++) {
      const pair = { left: left[at] ?? null, right: right[at] ?? null };
      rows.push({ kind: "pair", key: keyOf(item, (pair.left ?? pair.right)!), item, hunk, pair });
    }
    [left, right] = [[], []];
  };
  for (const line of hunk.lines) {
    if (line.new === null) left.push(line);
    else if (line.old === null) right.push(line);
    else {
      end();
      rows.push({ kind: "pair", key: keyOf(item, line), item, hunk, pair: { left: line, right: line } });
    }
  }
  end();
  return rows;
}

/** A line by its numbers. */
export function lineKey(line: DiffLine): string {
  return `${line.old ?? ""}:${line.new ?? ""}`;
}

function keyOf(item: Item, line: DiffLine): string {
  return `${item.key}:${lineKey(line)}`;
}
