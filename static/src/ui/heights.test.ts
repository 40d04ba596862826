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
