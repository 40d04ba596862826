import { expect, it } from "vitest";
import { Heights } from "./heights";

it("finds entries by height, before and after they were measured", () => {
  const heights = new Heights(20);
  heights.resize(10_000);
  const estimate = 20;
  expect(heights.at(estimate * 5000 + 1)).toBe(5000);
  expect(heights.measure(0, 1000)).toBe(1000 - estimate);
  expect(heights.measure(0, 1000)).toBe(0);
  expect(heights.top(1)).toBe(1000);
  expect(heights.at(999)).toBe(0);
  expect(heights.at(1000)).toBe(1);
  expect(heights.at(-5)).toBe(0);
  expect(heights.at(1e9)).toBe(9999);
  expect(heights.total).toBe(1000 + 9999 * estimate);
  heights.resize(2);
  expect(heights.total).toBe(1000 + estimate);
  expect(heights.measure(7, 5)).toBe(0);
  heights.forget();
  expect(heights.at(10)).toBe(0);
});

it("carries what was measured to where an entry is now", () => {
  const named = (names: string): { key: string }[] => [...names].map((key) => ({ key }));
  const heights = new Heights(10);
  heights.carry([], named("abcdef"));
  heights.measure(0, 1);
  heights.measure(3, 3);
  heights.measure(5, 5);
  const tops = (): number[] => Array.from({ length: heights.count + 1 }, (_, at) => heights.top(at));
  expect(tops()).toEqual([0, 1, 11, 21, 24, 34, 39]);
  // In the middle, moved, at either end, and away.
  heights.carry(named("abcdef"), named("abxydef"));
  expect(tops()).toEqual([0, 1, 11, 21, 31, 34, 44, 49]);
  heights.carry(named("abxydef"), named("abdyxef"));
  expect(tops()).toEqual([0, 1, 11, 14, 24, 34, 44, 49]);
  heights.carry(named("abdyxef"), named("nabdyxefm"));
  expect(heights.total).toBe(69);
  heights.carry(named("nabdyxefm"), named("dd"));
  expect(heights.count).toBe(2);
  heights.carry(named("dd"), named("d"));
  expect(heights.total).toBe(3);
});
