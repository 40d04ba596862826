import { expect, it } from "vitest";
import { beginPinch, LARGEST, pinched } from "./pinch";
import { SMALLEST } from "./fit";

const at = (...places: number[]): { clientX: number; clientY: number }[] =>
  places.map((x) => ({ clientX: x, clientY: 0 }));

it("follows two fingers, and only two", () => {
  expect(beginPinch(at(10), 11)).toBeNull();
  expect(beginPinch(at(10, 20, 30), 11)).toBeNull();
  const pinch = beginPinch(at(100, 200), 11);
  if (!pinch) throw new Error("no pinch");
  expect(pinched(pinch, at(100, 200))).toBe(11);
  expect(pinched(pinch, at(50, 200))).toBe(16.5);
  expect(pinched(pinch, at(0, 1000))).toBe(LARGEST);
  expect(pinched(pinch, at(149, 150))).toBe(SMALLEST);
});
