// Which sessions a list shows, and in which order.

import { needsYou } from "./store";
import type { Session } from "./wire";
import { byTime, isLive, isWaiting, nameOf, type StateIcon } from "./words";

export type Filter = "all" | "needs" | "working" | "idle" | "ended" | "archived";

export const FILTERS: readonly { key: Filter; word: string; icon?: StateIcon }[] = [
  { key: "all", word: "All" },
  { key: "needs", word: "Needs you", icon: "permission" },
  { key: "working", word: "Working", icon: "working" },
  { key: "idle", word: "Idle", icon: "idle" },
  { key: "ended", word: "Ended" },
  { key: "archived", word: "Archived" },
];

export function fits(session: Session, filter: Filter, text: string): boolean {
  if (session.archived !== (filter === "archived")) return false;
  const running = session.status === "running";
  const kind = {
    all: true,
    needs: needsYou(session),
    working: running && session.activity === "working",
    idle: running && session.activity === "idle",
    ended: !isLive(session),
    archived: true,
  }[filter];
  return kind && matches(session, text);
}

/** Every word of the text stands somewhere in what names the session. */
export function matches(session: Session, text: string): boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const all = [
    nameOf(session),
    session.short_id,
    session.cwd,
    session.branch,
    session.provider,
    session.permission_mode,
    ...session.tags,
  ]
    .join("\n")
    .toLowerCase();
  return words.every((word) => all.includes(word));
}

export type Group = "Waiting" | "Running" | "Ended";
export const GROUPS: readonly Group[] = ["Waiting", "Running", "Ended"];

export function groupOf(session: Session): Group {
  return isWaiting(session) ? "Waiting" : isLive(session) ? "Running" : "Ended";
}

/** Where one would start another session like it: a worktree is the session's own. */
export const originOf = ({ worktree, cwd }: Session): string => worktree?.repository ?? cwd;

/** What a list is grouped by; what the groups are called. */
export const GROUPINGS = {
  state: groupOf,
  directory: originOf,
} as const;
export type Grouping = keyof typeof GROUPINGS;

/** By need, pinned ones first, then newest; what waits longest comes first, what ended last comes first. */
export function ordered(sessions: readonly Session[]): readonly Session[] {
  const group = (session: Session): number => GROUPS.indexOf(groupOf(session));
  return [...sessions].sort((a, b) => {
    const groups = group(a) - group(b);
    if (groups !== 0) return groups;
    if (a.pinned !== b.pinned) return a.pinned ? -1 : 1;
    if (isWaiting(a)) return byTime(a.state_since, b.state_since);
    if (isLive(a)) return byTime(b.created_at, a.created_at);
    return byTime(b.state_since, a.state_since);
  });
}
