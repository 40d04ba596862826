import { describe, expect, it } from "vitest";
import { begun, densitySentence, grown } from "./density";
import type { Density } from "./wire";

const density: Density = { slice_ms: 100_000, first: 10, bytes: [5, 0, 2, 0], cursor: "1:107" };
const at = (slice: number): string => new Date(slice * 100_000 + 5).toISOString();

describe("what a shell prints", () => {
  it("is added to the slice of its time", () => {
    expect(grown(density, { at: at(13), line: "x", cursor: "1:110" })).toEqual({
      ...density,
      bytes: [5, 0, 2, 3],
      cursor: "1:110",
    });
    expect(grown(density, { at: at(15), line: "x", cursor: "1:108" })).toEqual({
      ...density,
      first: 12,
      bytes: [2, 0, 0, 1],
      cursor: "1:108",
    });
    expect(grown(density, { at: at(99), line: "x", cursor: "1:108" })).toMatchObject({
      first: 96,
      bytes: [0, 0, 0, 1],
    });
  });

  it("is counted from the first byte of a new session", () => {
    const last = { at: at(99), line: "x", cursor: "0:7" };
    const new_ = grown(begun(last), last);
    expect([new_.first, new_.bytes.length, new_.bytes.at(-1), new_.cursor]).toEqual([64, 36, 7, "0:7"]);
    expect(grown(begun(last), { ...last, cursor: "0:0" }).bytes.every((bytes) => bytes === 0)).toBe(true);
  });

  it("counts once", () => {
    expect(grown(density, { at: at(13), line: "x", cursor: "1:107" })).toBe(density);
    expect(grown(density, { at: at(13), line: "x", cursor: "1:90" })).toBe(density);
  });

  it("is said in a sentence", () => {
    expect(densitySentence(density, 10 * 100_000)).toBe("Last hour: 7 B printed");
    expect(densitySentence(density, 11 * 100_000)).toBe("Last hour: 2 B printed");
    expect(densitySentence(density, 13 * 100_000)).toBe("Last hour: nothing printed");
  });
});
