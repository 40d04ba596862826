// What the pages show: signals, fed by the one WebSocket.

import { batch, computed, effect, signal, untracked } from "@preact/signals";
import type { Ask, DaemonStatus, Density, Event, Printed, Provider, ServerMessage, Session, Timeline } from "./wire";
import { Connection } from "./connection";
import { problemOf, request, worded } from "./http";
import { findOut } from "./login";
import { providers } from "./providers";
import { secret } from "./secret";
import { extended, spanOf, type Span } from "./trace";
import { toast } from "./toasts";
import { byTime, isLive, isWaiting } from "./words";

/** Every session that was not removed; null until it is known. */
export const sessions = signal<ReadonlyMap<string, Session> | null>(null);
export const daemon = signal<DaemonStatus | null>(null);
/** The time that ages are counted from, in ms since 1970. */
export const now = signal(Date.now());
/** What each session's states were, oldest first, for the last hour at least. */
export const traces = signal<ReadonlyMap<string, readonly Span[]>>(new Map());
/** What shells printed last, and how much when. */
export const printed = signal<ReadonlyMap<string, Printed>>(new Map());
export const densities = signal<ReadonlyMap<string, Density>>(new Map());
/** The session whose bell rang last, and how often one did. */
export const bell = signal<{ session: string | null; count: number }>({ session: null, count: 0 });

/** The sessions in the order in which they were created. */
export const inOrder = computed<readonly Session[]>(() =>
  [...(sessions.value?.values() ?? [])].sort((a, b) => byTime(a.created_at, b.created_at)),
);
export const waiting = computed(() => inOrder.value.filter(isWaiting));
export const home = computed(() => daemon.value?.home ?? null);

const HOUR = 3_600_000;

/** The newest event that was handled. */
let lastSeq: number | undefined;
const listeners = new Set<(event: Event) => void>();

/** Called with each event as it happens, until the answer is called. */
export function onEvent(listener: (event: Event) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The conversation that is shown, and who shows it. */
let conversation: { session: string; changed: () => void } | null = null;

/** Tells of each change of a session's conversation, and when nobody knows what changed. One at a time. */
export function followConversation(session: string, changed: () => void): () => void {
  const followed = { session, changed };
  conversation = followed;
  connection.send({ type: "conversation", session });
  return () => {
    if (conversation !== followed) return;
    conversation = null;
    connection.send({ type: "conversation", session: null });
  };
}

/** What changed last in the directory that the Git tab shows. */
export const gitChange = signal<{ session: string; partial: boolean } | null>(null);

export const connection = new Connection(
  () => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`,
  {
    greet: () => {
      const value = secret();
      return value === null ? [] : [{ type: "authenticate", secret: value }];
    },
    ask: () => [
      { type: "sessions" },
      { type: "events", ...(lastSeq === undefined ? {} : { after: lastSeq }) },
      ...(conversation ? [{ type: "conversation", session: conversation.session } as const] : []),
    ],
    live: () => {
      conversation?.changed();
      void refresh();
    },
    message: handle,
    session: keep,
    probe: () => connection.send({ type: "ping" }),
    // A WebSocket that is refused does not say why; the question does.
    closed: () => void findOut(),
    unsure: (typed) =>
      void import("./ui/unsure").then(
        ({ unsure }) => unsure(typed),
        () => undefined,
      ),
  },
);

/** True while what is shown is what is. */
export const live = computed(() => connection.link.value.phase === "live");

/** What the WebSocket does not tell: the past, and the daemon itself. */
async function refresh(): Promise<void> {
  await Promise.all([
    fetched<DaemonStatus>("/api/daemon", (status) => (daemon.value = status)),
    fetched<Provider[]>("/api/providers", (known) => (providers.value = known)),
    fetched<Timeline[]>(`/api/timelines?since=${Date.now() - 2 * HOUR}`, (timelines) => {
      const past = new Map<string, readonly Span[]>(
        timelines.map(({ session, states }) => [session, states.map(spanOf)]),
      );
      for (const session of inOrder.value) past.set(session.id, extended(past.get(session.id) ?? [], session));
      traces.value = past;
      densities.value = new Map(timelines.flatMap(({ session, printed }) => (printed ? [[session, printed]] : [])));
    }),
  ]);
}

async function fetched<T>(path: string, take: (answer: T) => void): Promise<void> {
  try {
    take(await request<T>("GET", path));
  } catch (error) {
    // A lost connection shows itself; anything else is said.
    if (live.value) toast({ text: problemOf(error).detail, bad: true });
  }
}

function handle(message: ServerMessage): void {
  switch (message.type) {
    case "sessions":
      return batch(() => {
        sessions.value = new Map(message.sessions.map((session) => [session.id, session]));
        for (const session of message.sessions) trace(session);
      });
    case "session_changed":
      return keep(message.session);
    case "session_printed":
      printed.value = new Map(printed.value).set(message.id, message.printed);
      return;
    case "session_removed": {
      const left = new Map(sessions.value ?? []);
      left.delete(message.id);
      sessions.value = left;
      return;
    }
    case "conversation_changed":
      if (conversation?.session === message.session) conversation.changed();
      return;
    case "git_changed":
      gitChange.value = message;
      return;
    case "notification":
      return void import("./notifications/show").then(({ show }) => show(message)).catch(() => undefined);
    case "event":
      return happened(message.event);
    case "error":
      return toast({ text: worded(message.problem).detail, bad: true });
  }
}

function happened(event: Event): void {
  lastSeq = event.seq;
  if (event.kind === "terminal.bell_rang") bell.value = { session: event.session, count: bell.value.count + 1 };
  for (const listener of listeners) listener(event);
}

/** A session as it is now. */
export function keep(session: Session): void {
  const known = sessions.value;
  // The list is on its way, and has it: with this one alone, the page would show and count too few.
  if (!known) return;
  const before = known.get(session.id);
  if (before && Date.parse(before.updated_at) > Date.parse(session.updated_at)) return;
  batch(() => {
    // The terminal's stream tells objects without the branch: only a look at the disk finds it.
    const branch = session.branch ?? before?.branch ?? null;
    sessions.value = new Map(known).set(session.id, { ...session, branch });
    trace(session);
  });
}

function trace(session: Session): void {
  const spans = traces.value.get(session.id) ?? [];
  const longer = extended(spans, session);
  if (longer !== spans) traces.value = new Map(traces.value).set(session.id, longer);
}

/** A turn ended that nobody has looked at. */
export const isUnseen = (session: Session): boolean => session.asks.some(({ kind }) => kind === "finished");

/** A person is to be told of it now. */
export const isDue = ({ snoozed_until: until }: Ask): boolean => until === null || Date.parse(until) <= now.value;

/** It asks something: an answer, or to be looked at. */
export const needsYou = (session: Session): boolean => session.asks.some(isDue);
/** What waits comes first, then crashes. */
export const needing = computed(() => {
  const rank = (session: Session): number => (isWaiting(session) ? 0 : isLive(session) ? 2 : 1);
  return inOrder.value.filter(needsYou).sort((a, b) => rank(a) - rank(b));
});

/** The session is looked at now: what only wanted that is done, on all devices. */
export function look(id: string): void {
  if (document.visibilityState !== "visible") return;
  for (const { id: ask, answered_in: where } of sessions.peek()?.get(id)?.asks ?? []) {
    // Another device may have been first.
    if (where === "nothing") void request("POST", `/api/asks/${ask}/acknowledge`).catch(() => undefined);
  }
}

let ticking: ReturnType<typeof setTimeout> | undefined;
let endClock: (() => void) | undefined;

/** Ages tick with one timer: once a second while something is younger than a minute. */
function tick(): void {
  clearTimeout(ticking);
  now.value = Date.now();
  const isYoung = (at: string): boolean => now.value - Date.parse(at) < 60_000;
  const young =
    inOrder.value.some((session) => isYoung(session.state_since)) ||
    [...printed.value.values()].some(({ at }) => isYoung(at));
  ticking = setTimeout(tick, young || !live.value ? 1000 : 10_000);
}

export function start(): void {
  connection.open();
  // What is said of a lost connection counts seconds from its first moment.
  endClock = effect(() => {
    void live.value;
    untracked(tick);
  });
}

/** Forgets everything that belongs to a login. */
export function stop(): void {
  connection.close();
  endClock?.();
  clearTimeout(ticking);
  batch(() => {
    sessions.value = null;
    daemon.value = null;
    traces.value = new Map();
  });
  lastSeq = undefined;
}

export const liveCount = computed(() => inOrder.value.filter(isLive).length);
