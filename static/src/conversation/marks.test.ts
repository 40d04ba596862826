import { expect, it } from "vitest";
import { diffLines } from "./marks";

it("numbers lines, and marks what differs in them", () => {
  const lines = diffLines({
    old_start: 19,
    new_start: 20,
    lines: [" a", '-import bcrypt from "bcrypt";', '+import argon from "argon";', "+new", " z"],
  });
  expect(lines.map((line) => [line.sign, line.number])).toEqual([
    [" ", 20],
    ["-", 20],
    ["+", 21],
    ["+", 22],
    [" ", 23],
  ]);
  const pair = diffLines({ old_start: null, new_start: null, lines: ["-let b = 2;", "+let b = 3;"] });
  expect(pair.map((line) => line.parts)).toEqual([
    ["let b = ", "2", ";"],
    ["let b = ", "3", ";"],
  ]);
  expect(pair[0]?.number).toBeNull();
  expect(diffLines({ old_start: 1, new_start: 1, lines: ["-one", "+two"] })[0]?.parts).toEqual(["one", "", ""]);
});
