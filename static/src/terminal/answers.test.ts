import { expect, it } from "vitest";
import { answersOn } from "./answers";

const CLAUDE = [
  "╭────────────────────────────────╮",
  "│ Do you want to make this edit? │",
  "│ ❯ 1. Yes                       │",
  "│   2. Yes, for this session     │",
  "│      (and for later ones)      │",
  "│   3. No                        │",
  "╰────────────────────────────────╯",
];
const LIST = ["1. buy milk", "2. write tests", "$ "];

it("knows the options of a dialog, whatever says that it waits", () => {
  expect(answersOn(CLAUDE, 6, true)).toBe("123");
  expect(answersOn(CLAUDE, 6, false)).toBe("123");
});

it("takes the last of several lists", () => {
  expect(answersOn([...LIST, ...CLAUDE.slice(2, 4)], 4, true)).toBe("12");
  expect(answersOn([...CLAUDE, "  1) one", "> 2) two", "  3) three", "  4) four"], 10, true)).toBe("1234");
});

it("does not take a list for a dialog", () => {
  expect(answersOn(LIST, 2, false)).toBe("");
  expect(answersOn(["1. only one"], 0, true)).toBe("yn123");
});

it("knows yes and no where the cursor is", () => {
  expect(answersOn(["Do you want to continue? [Y/n] "], 0, false)).toBe("yn");
  expect(answersOn(["Delete it (yes/no)?", ""], 1, false)).toBe("yn");
  expect(answersOn(["Proceed (y/n)? y", "done", "", "", "$ "], 4, false)).toBe("");
});

it("offers what answers most, where it is not known what is asked", () => {
  expect(answersOn(["Trust this folder?"], 0, true)).toBe("yn123");
  expect(answersOn(["$ "], 0, false)).toBe("");
});
