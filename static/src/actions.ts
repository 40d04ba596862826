// What can be done to a session, by the same words everywhere.

import type { Session } from "./wire";
import { problemOf, request } from "./http";
import { keep } from "./store";
import { toast } from "./toasts";
import { nameOf } from "./words";
import { signal } from "@preact/signals";

/** The session whose name is being changed. */
export const renaming = signal<Session | null>(null);
/** Sessions with a request under way, and its word. */
export const busy = signal<ReadonlyMap<string, string>>(new Map());

export async function doing(session: Session, word: string, run: () => Promise<void>): Promise<void> {
  busy.value = new Map(busy.value).set(session.id, word);
  try {
    await run();
  } catch (error) {
    toast({ text: `${nameOf(session)}: ${problemOf(error).detail}`, bad: true });
  } finally {
    const left = new Map(busy.value);
    left.delete(session.id);
    busy.value = left;
  }
}

export const path = (session: Session): string => `/api/sessions/${session.id}`;

/** `quiet`: who asked for it says so, for all. */
export function stop(session: Session, quiet = false): Promise<void> {
  return doing(session, "Stopping…", async () => {
    keep(await request<Session>("POST", `${path(session)}/stop`));
    // Its own page says so, and how it goes on.
    if (quiet || location.pathname.startsWith(`/sessions/${session.id}`)) return;
    toast({ text: `${nameOf(session)} stopped.`, action: { label: "Resume", run: () => void resume(session) } });
  });
}

export function resume(session: Session): Promise<void> {
  return doing(session, "Resuming…", async () => {
    keep(await request<Session>("POST", `${path(session)}/resume`));
  });
}
