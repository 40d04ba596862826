// What each agent does or asks.

import { effect, signal } from "@preact/signals";
import type { Event, FoundEvents, Session } from "./wire";
import { nowOf, type Piece } from "./describe";
import { request } from "./http";
import { live, onEvent } from "./store";
import { isWaiting } from "./words";

interface Told {
  pieces: readonly Piece[];
  asks: boolean;
}

/** By its newest hook. */
const told = signal<ReadonlyMap<string, Told>>(new Map());

/** What a session does now; of one that waits, what it asks. As far as that is known. */
export function doing(session: Session): readonly Piece[] | null {
  const now = told.value.get(session.id);
  // No hook tells of what is asked at the start: whether a folder is trusted, or a key is used.
  return now && (now.asks || !isWaiting(session)) ? now.pieces : null;
}

/** The same for a list, where one cannot see the terminal. */
export function doingOrAsking(session: Session): readonly Piece[] | null {
  return doing(session) ?? (isWaiting(session) ? [{ text: "Needs an answer: open to see the question" }] : null);
}

function tells(event: Event): Told | null {
  const pieces = nowOf(event);
  return pieces && { pieces, asks: event.kind === "hook.permission_requested" };
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
