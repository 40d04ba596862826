// The directories that sessions were started in, the newest first; those of sessions that were removed are remembered here.

import { signal } from "@preact/signals";
import { originOf } from "../session_list";
import { inOrder } from "../store";
import { isLive } from "../words";
import type { Session } from "../wire";

const KEY = "codepiper.directories";
export const MOST = 8;

export interface Recent {
  path: string;
  branch: string | null;
  /** How many sessions are open there. */
  live: number;
}

const remembered = signal<readonly string[]>(kept());

function kept(): readonly string[] {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]") as string[];
  } catch {
    return [];
  }
}

/** A session was started there from this browser. */
export function rememberDirectory(path: string): void {
  remembered.value = [path, ...remembered.value.filter((other) => other !== path)].slice(0, MOST);
  localStorage.setItem(KEY, JSON.stringify(remembered.value));
}

export function recentOf(all: readonly Session[], own: readonly string[]): Recent[] {
  const paths = new Set([...all].reverse().map(originOf));
  for (const path of own) paths.add(path);
  return [...paths].slice(0, MOST).map((path) => {
    const here = all.filter((session) => originOf(session) === path);
    const branch = here.findLast((session) => session.worktree === null)?.branch ?? null;
    return { path, branch, live: here.filter(isLive).length };
  });
}

export const recent = (): Recent[] => recentOf(inOrder.value, remembered.value);
