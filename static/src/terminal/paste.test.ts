import { expect, it } from "vitest";
import { isRisky, linesOf, pasteable } from "./paste";

it("leaves text as it is", () => {
  const text = "two\r\nlines\tand größer, 日本, 👩\u200d👧, שלום";
  expect(pasteable(text)).toBe(text);
});

it("takes out what ends a paste, in every form, and every key", () => {
  for (const end of [
    "\x1b[201~",
    "\u009b201~",
    "\x1b\x1b[201~",
    "\x1b\0[201~",
    "\x03",
    "\x04",
    "\x7f",
    "\x1b[A",
    "\x9d52;c;x\x9c",
  ]) {
    expect(pasteable(`a${end}b`)).not.toMatch(/[\0-\x1f\x7f-\x9f]/);
  }
  // Taking out makes no new one.
  expect(pasteable("\x1b\x1b[20\x1b1~[201~")).toBe("[201~[201~");
});

it("counts lines, whatever ends them", () => {
  expect(linesOf("one\r\ntwo\rthree\nfour\n")).toEqual(["one", "two", "three", "four"]);
  expect(linesOf("one")).toEqual(["one"]);
  expect(linesOf("\n")).toEqual([""]);
});

it("knows which texts do more than one line that is typed", () => {
  for (const text of ["make", "make\n", "make\r\n", "x".repeat(100 * 1024)]) expect(isRisky(text)).toBe(false);
  for (const text of ["cd /\nrm x", "cd /\r\nrm x\r\n", "x".repeat(100 * 1024 + 1)]) expect(isRisky(text)).toBe(true);
});
