import { expect, test } from "vitest";
import type { Comment, DiffFile, DiffLine, FileDiff } from "../wire";
import { isHeavy, rowsOf, type Item, type Loaded, type View } from "./rows";

const file: DiffFile = {
  path: "f",
  old_path: null,
  change: "modified",
  old_mode: "100644",
  new_mode: "100644",
  added: 2,
  removed: 1,
  binary: false,
  generated: false,
  version: null,
};
const item: Item = { key: "changed f", section: "changed", file, base: "index", to: "work" };
const line = (old: number | null, young: number | null, text = "x"): DiffLine => ({ old, new: young, text });
const diff: FileDiff = {
  file,
  version: "v",
  lines: 5,
  next: null,
  whole: null,
  hunks: [
    {
      name: "h",
      old_start: 10,
      old_lines: 3,
      new_start: 10,
      new_lines: 4,
      heading: "fn f()",
      skipped: 0,
      lines: [line(10, 10), line(11, null), line(null, 11), line(null, 12), line(12, 13)],
    },
  ],
};
const loaded = (more: Partial<Loaded> = {}): Loaded => ({
  diff,
  failed: null,
  unfolded: new Map(),
  ...more,
});
const view = (more: Partial<View> = {}): View => ({
  split: false,
  loaded: () => loaded(),
  folded: () => false,
  comments: [],
  writing: null,
  ...more,
});
const kinds = (found: View): string =>
  rowsOf([item], found)
    .map((row) => row.kind)
    .join(" ");
const comment = (more: Partial<Comment>): Comment => ({
  id: 1,
  path: "f",
  side: "new",
  of: "work",
  from: 11,
  to: 12,
  quote: [],
  blob: "",
  text: "",
  author: "",
  state: "draft",
  stale: false,
  at: "",
  sent_at: null,
  addressed_at: null,
  ...more,
});

test("a file is its name, what is folded, its hunks and their lines", () => {
  expect(kinds(view())).toBe("file fold hunk line line line line line");
  expect(kinds(view({ folded: () => true }))).toBe("file");
  expect(kinds(view({ loaded: () => undefined }))).toBe("file load");
});

test("beside each other, a removed line stands with the first added one", () => {
  const rows = rowsOf([item], view({ split: true })).filter((row) => row.kind === "pair");
  expect(rows.map(({ pair }) => [pair.left?.old ?? null, pair.right?.new ?? null])).toEqual([
    [10, 10],
    [11, 11],
    [null, 12],
    [12, 13],
  ]);
});

test("comments stand below their last line, and above all others when it is not shown", () => {
  expect(kinds(view({ comments: [comment({})] }))).toBe("file fold hunk line line line line comment line");
  expect(kinds(view({ comments: [comment({ side: "old", of: "index", from: 11, to: 11 })] }))).toBe(
    "file fold hunk line line comment line line line",
  );
  expect(kinds(view({ comments: [comment({ to: 100 })] }))).toBe("file comment fold hunk line line line line line");
  expect(kinds(view({ comments: [comment({ stale: true })] }))).toBe("file comment fold hunk line line line line line");
  expect(kinds(view({ comments: [comment({ of: "index" }), comment({ path: "g" })] }))).toBe(
    "file fold hunk line line line line line",
  );
  expect(kinds(view({ writing: { key: item.key, side: "new", to: 13 } }))).toBe(
    "file fold hunk line line line line line write",
  );
});

test("unfolded lines have both numbers, and what is left stays folded", () => {
  const rows = rowsOf([item], view({ loaded: () => loaded({ unfolded: new Map([[1, ["a", "b"]]]) }) }));
  expect(rows.slice(1, 4).map((row) => (row.kind === "line" ? row.line.text : row.kind))).toEqual(["a", "b", "fold"]);
});

test("what programs wrote and what is long is loaded on request", () => {
  expect(isHeavy(file)).toBe(false);
  expect(isHeavy({ ...file, generated: true })).toBe(true);
  expect(isHeavy({ ...file, added: 400, removed: 101 })).toBe(true);
});
