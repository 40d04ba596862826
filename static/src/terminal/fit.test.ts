import { expect, it } from "vitest";
import { fittingFont, gridFor, SMALLEST } from "./fit";

const cell = { width: 8, height: 16 };

it("makes letters half as large again at most, and never too small to read", () => {
  expect(fittingFont({ cols: 80, rows: 24 }, cell, { width: 2000, height: 2000 }, 13)).toBe(19.5);
  expect(fittingFont({ cols: 200, rows: 24 }, cell, { width: 1200, height: 2000 }, 13)).toBe(9.75);
  expect(fittingFont({ cols: 80, rows: 100 }, cell, { width: 2000, height: 1200 }, 13)).toBe(9.75);
  expect(fittingFont({ cols: 1000, rows: 100 }, cell, { width: 300, height: 300 }, 13)).toBe(SMALLEST);
});

it("fills the screen with whole cells, within what tmux takes", () => {
  expect(gridFor(cell, { width: 1003, height: 650 })).toEqual({ cols: 125, rows: 40 });
  expect(gridFor(cell, { width: 1, height: 1 })).toEqual({ cols: 2, rows: 2 });
});
