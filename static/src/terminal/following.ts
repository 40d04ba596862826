// The grid of this browser's window, and which sessions follow it.

import { signal } from "@preact/signals";
import type { Size } from "../wire";

const KEY = "codepiper.following";
/** Sessions that are remembered. */
const MOST = 200;

/** Their ids, the newest last. */
const following = signal<readonly string[]>(kept());

function kept(): readonly string[] {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]") as string[];
  } catch {
    return [];
  }
}

export const isFollowing = (session: string): boolean => following.value.includes(session);

export function setFollowing(session: string, on: boolean): void {
  const others = following.value.filter((id) => id !== session);
  following.value = on ? [...others, session].slice(-MOST) : others;
  localStorage.setItem(KEY, JSON.stringify(following.value));
}

export const sameGrid = (a: Size, b: Size): boolean => a.cols === b.cols && a.rows === b.rows;

const GRID = "codepiper.grid";

/** Remembers the grid that fills this window. */
export const keepGrid = ({ cols, rows }: Size): void => localStorage.setItem(GRID, `${cols}x${rows}`);

/** The grid that filled a window of this browser last, for a session that is created here. */
export function keptGrid(): Size | null {
  const [cols, rows] = (localStorage.getItem(GRID) ?? "").split("x").map(Number);
  return cols && rows ? { cols, rows } : null;
}
