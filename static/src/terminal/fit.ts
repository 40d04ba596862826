// Which size the letters have, so that a grid of the session's size can be seen here.

import type { Size } from "../wire";

export interface Box {
  width: number;
  height: number;
}

/** Letters smaller than this cannot be read, in px. */
export const SMALLEST = 8;

/** Letters are made so many times larger than wanted where a grid is small. */
export const MAGNIFIED = 1.5;

/**
 * The largest size of letters, about `wanted`, with which the grid fits into the box; the smallest one when it
 * does not fit. `cell` is the size of a cell with letters of `wanted`.
 */
export function fittingFont(grid: Size, cell: Box, box: Box, wanted: number, smallest = SMALLEST): number {
  const factor = Math.min(MAGNIFIED, box.width / (grid.cols * cell.width), box.height / (grid.rows * cell.height));
  return Math.max(smallest, Math.floor(wanted * factor * 4) / 4);
}

/** The grid that fills the box with letters of this size. */
export function gridFor(cell: Box, box: Box): Size {
  const between = (value: number): number => Math.max(2, Math.min(1000, Math.floor(value)));
  return { cols: between(box.width / cell.width), rows: between(box.height / cell.height) };
}

/** Whether the window is as narrow as a phone. */
export const isPhone = (): boolean => innerWidth <= 640;

/** Whether a finger is what points. */
export const coarse = (): boolean => matchMedia("(pointer: coarse)").matches || isPhone();
