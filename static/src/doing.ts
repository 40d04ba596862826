// What each agent does or asks, from its hooks.

import { effect, signal } from "@preact/signals";
import type { FoundEvents } from "./wire";
import { nowOf, type Piece } from "./describe";
import { request } from "./http";
import { live, onEvent } from "./store";

export const doing = signal<ReadonlyMap<string, readonly Piece[]>>(new Map());

/** As many of the newest hooks say what is being done now. */
const HOOKS = 200;

onEvent((event) => {
  const pieces = nowOf(event);
  if (event.session && pieces) doing.value = new Map(doing.peek()).set(event.session, pieces);
});

// What happened before this page knew of it.
effect(() => {
  if (live.value) void load();
});

async function load(): Promise<void> {
  try {
    const found = await request<FoundEvents>("GET", `/api/events?source=hook&limit=${HOOKS}`);
    const known = new Map<string, readonly Piece[]>();
    for (const event of found.events) {
      const pieces = nowOf(event);
      if (event.session && pieces) known.set(event.session, pieces);
    }
    doing.value = known;
  } catch {
    // The next connection asks again.
  }
}
