// Which sessions the grid shows, in the order of its tiles; kept on this device.

import type { Session } from "../wire";
import { byTime, isLive, isWaiting } from "../words";

export const MOST = 9;
const KEY = "codepiper.grid-tiles";
/** So many are shown to who has chosen none. */
const FIRST = 4;

/** Null: nothing was chosen here yet. */
export function keptTiles(): readonly string[] | null {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "null") as string[] | null;
  } catch {
    return null;
  }
}

export function keepTiles(ids: readonly string[]): void {
  localStorage.setItem(KEY, JSON.stringify(ids));
}

/** Those that are still there, in their order. */
export function chosen(ids: readonly string[] | null, all: readonly Session[]): Session[] {
  if (ids === null) return all.filter(isLive).slice(-FIRST);
  return ids.flatMap((id) => all.find((session) => session.id === id) ?? []).slice(0, MOST);
}

/** Those that wait, the longest first; and the one that is being answered, where it stands. */
export function waitingOnes(all: readonly Session[], before: readonly string[], used: string | null): Session[] {
  const since = (session: Session): string => session.state_since;
  const waiting = all.filter((session) => isWaiting(session) || session.id === used);
  const place = ({ id }: Session): number => (before.includes(id) ? before.indexOf(id) : before.length);
  return waiting.sort((a, b) => place(a) - place(b) || byTime(since(a), since(b))).slice(0, MOST);
}

/** The tile `id` takes the place of the tile `to`. */
export function moved(ids: readonly string[], id: string, to: string): string[] {
  const at = ids.indexOf(to);
  const others = ids.filter((each) => each !== id);
  if (at < 0 || !ids.includes(id)) return [...ids];
  others.splice(at, 0, id);
  return others;
}

/** Columns for so many tiles. */
export function columns(tiles: number): number {
  return tiles <= 1 ? 1 : tiles <= 4 ? 2 : 3;
}
