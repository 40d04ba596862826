import { expect, it } from "vitest";
import { hitsIn } from "./hits";
import type { Line, Look } from "./render";

const look = {} as Look;
const row = (text: string, wrapped = false): Line => ({ runs: [{ text, look }], wrapped });
const found = (lines: Line[], text: string): [number, number][] =>
  hitsIn({ lines, element: null as unknown as HTMLElement }, text).map(({ line, column }) => [line, column]);

it("finds every place, the newest first, upper or lower case", () => {
  expect(found([row("one two One"), row("none"), row("two")], "ONE")).toEqual([
    [1, 1],
    [0, 8],
    [0, 0],
  ]);
  expect(found([row("one")], "")).toEqual([]);
});

it("takes a line that was wrapped as one", () => {
  const lines = [row("a needle", true), row("needle and a nee", true), row("dle"), row("nee"), row("dle")];
  expect(found(lines, "needle")).toEqual([
    [0, 21],
    [0, 8],
    [0, 2],
  ]);
});

it("does not find what nobody printed", () => {
  expect(found([{ runs: [{ text: "The daemon was away", look }], wrapped: false, note: "away" }], "daemon")).toEqual(
    [],
  );
});
