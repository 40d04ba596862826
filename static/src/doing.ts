// What each agent does or asks.

import { effect, signal } from "@preact/signals";
import type { Description, Event, FoundEvents, Session } from "./wire";
import { request } from "./http";
import { live, onEvent } from "./store";
import { isWaiting } from "./words";

interface Told {
  description: Description;
  asks: boolean;
}

/** By its newest hook. */
const told = signal<ReadonlyMap<string, Told>>(new Map());

/** What a session does now; of one that waits, what it asks. As far as that is known. */
export function doing(session: Session): Description | null {
  const now = told.value.get(session.id);
  // No hook tells of what is asked at the start: whether a folder is trusted, or a key is used.
  return now && (now.asks || !isWaiting(session)) ? now.description : null;
}

/** The same for a list, where one cannot see the terminal. */
export function doingOrAsking(session: Session): Description | null {
  return doing(session) ?? (isWaiting(session) ? { text: "Needs an answer: open to see the question" } : null);
}

/** Hooks that say what an agent does or asks from then on. A notification says less than what it is about. */
const TELLING: ReadonlySet<Event["kind"]> = new Set<Event["kind"]>([
  "hook.prompt_submitted",
  "hook.tool_announced",
  "hook.permission_requested",
  "hook.turn_ended",
  "hook.turn_failed",
  "hook.interrupted",
  "hook.compaction_announced",
]);

function tells(event: Event): Told | null {
  return TELLING.has(event.kind)
    ? { description: event.description, asks: event.kind === "hook.permission_requested" }
    : null;
}

/** As many of the newest hooks say what is being done now. */
const HOOKS = 200;

onEvent((event) => {
  const now = tells(event);
  if (event.session && now) told.value = new Map(told.peek()).set(event.session, now);
});

// What happened before this page knew of it.
effect(() => {
  if (live.value) void load();
});

async function load(): Promise<void> {
  try {
    const found = await request<FoundEvents>("GET", `/api/events?source=hook&limit=${HOOKS}`);
    const known = new Map<string, Told>();
    for (const event of found.events) {
      const now = tells(event);
      if (event.session && now) known.set(event.session, now);
    }
    told.value = known;
  } catch {
    // The next connection asks again.
  }
}
