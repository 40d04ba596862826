import { expect, it } from "vitest";
import { keyBytes, withCtrl } from "./keys";

it("sends what a terminal sends", () => {
  expect(keyBytes("up", false, false)).toBe("\x1b[A");
  expect(keyBytes("up", false, true)).toBe("\x1bOA");
  expect(keyBytes("left", true, true)).toBe("\x1b[1;5D");
  expect(keyBytes("backtab", false, false)).toBe("\x1b[Z");
});

it("makes control characters of letters only", () => {
  expect([..."cC[ "].map(withCtrl)).toEqual(["\x03", "\x03", "\x1b", "\0"]);
  expect(withCtrl("é")).toBe("é");
  expect(withCtrl("5")).toBe("5");
});
