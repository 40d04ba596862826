import { expect, test } from "vitest";
import { changedWords } from "./words";

const marked = (before: string, after: string): [string[], string[]] => {
  const [removed, added] = changedWords(before, after);
  return [removed.map(([from, to]) => before.slice(from, to)), added.map(([from, to]) => after.slice(from, to))];
};

test("the words that differ are marked, and no others", () => {
  expect(marked("return bcrypt.compare(plain);", "return argon.compare(plain, 2);")).toEqual([
    ["bcrypt"],
    ["argon", ", 2"],
  ]);
  expect(marked("  a b", "  a b c")).toEqual([[], [" c"]]);
  expect(marked("x = größe + 1", "x = größer + 1")).toEqual([["größe"], ["größer"]]);
});

test("lines with little in common have no marks", () => {
  expect(marked("one two three", "something else entirely")).toEqual([[], []]);
  expect(marked("a".repeat(5000), "b")).toEqual([[], []]);
});
