// The groups of the list that are folded, on this device.

import { signal } from "@preact/signals";

const KEY = "codepiper.list.folded";
/** Directories come and go; those that were folded last are kept. */
const MOST = 100;

export const folded = signal<ReadonlySet<string>>(new Set(kept()));

function kept(): readonly string[] {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]") as string[];
  } catch {
    return [];
  }
}

export function fold(group: string, away: boolean): void {
  const others = [...folded.value].filter((other) => other !== group);
  folded.value = new Set([...others, ...(away ? [group] : [])].slice(-MOST));
  localStorage.setItem(KEY, JSON.stringify([...folded.value]));
}
