import { expect, it } from "vitest";
import { records } from "./records";

function record(tag: number, payload: string): number[] {
  const bytes = [...new TextEncoder().encode(payload)];
  return [tag, 0, 0, bytes.length >> 8, bytes.length & 255, ...bytes];
}

it("reads parts, output and screens in their order", () => {
  const begin = { type: "begin", cursor: "0:10", oldest: true };
  const answer = new Uint8Array([
    ...record(1, JSON.stringify(begin)),
    ...record(2, "hello"),
    ...record(3, "\x1b[H"),
    ...record(9, "later"),
  ]);
  const found = records(answer);
  expect(found[0]).toEqual({ kind: "part", part: begin });
  expect(found.slice(1).map((each) => each.kind)).toEqual(["output", "screen"]);
});

it("does not take half an answer for a whole one", () => {
  const answer = new Uint8Array(record(2, "hello"));
  expect(() => records(answer.subarray(0, 7))).toThrow("cut off");
  expect(() => records(answer.subarray(0, 3))).toThrow("cut off");
});
