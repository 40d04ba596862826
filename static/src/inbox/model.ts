// What needs a person: the asks of all sessions, and what can be done about each.

import { computed, signal } from "@preact/signals";
import { problemOf, request } from "../http";
import { inOrder, isDue, onEvent } from "../store";
import { toast } from "../toasts";
import type { AnswerAsk, Ask, Event, FoundEvents, Halted, Session } from "../wire";
import { byTime, count, foreign, type StateIcon, type Tone } from "../words";

export interface Open {
  ask: Ask;
  session: Session;
}

/** How a kind is shown, in the order of the list. */
const KINDS: Readonly<Record<Ask["kind"], { word: string; icon: StateIcon; tone: Tone }>> = {
  permission: { word: "Permission", icon: "permission", tone: "warm" },
  question: { word: "Question", icon: "question", tone: "warm" },
  plan: { word: "Plan", icon: "question", tone: "warm" },
  elicitation: { word: "Input for an MCP server", icon: "question", tone: "warm" },
  trust: { word: "Trust", icon: "question", tone: "warm" },
  dialog: { word: "Dialog", icon: "question", tone: "warm" },
  sign_in: { word: "Sign-in", icon: "question", tone: "warm" },
  usage_limit: { word: "Usage limit", icon: "question", tone: "warm" },
  crashed: { word: "Crashed", icon: "crashed", tone: "bad" },
  stalled: { word: "Stalled", icon: "unknown", tone: "bad" },
  attention: { word: "Asks for attention", icon: "permission", tone: "warm" },
  finished: { word: "Finished a turn", icon: "finished", tone: "rest" },
};
export const KIND_ORDER = Object.keys(KINDS) as readonly Ask["kind"][];

export const kindName = (kind: Ask["kind"]): string => KINDS[kind].word;
export const kindOf = (ask: Ask): (typeof KINDS)[Ask["kind"]] => KINDS[ask.kind];

/** All that is open, by kind and then the oldest first. */
export const open = computed<readonly Open[]>(() =>
  inOrder.value
    .flatMap((session) => session.asks.map((ask): Open => ({ ask, session })))
    .sort(
      (a, b) =>
        KIND_ORDER.indexOf(a.ask.kind) - KIND_ORDER.indexOf(b.ask.kind) || byTime(a.ask.asked_at, b.ask.asked_at),
    ),
);
export const due = computed(() => open.value.filter(({ ask }) => isDue(ask)));
export const snoozed = computed(() => open.value.filter(({ ask }) => !isDue(ask)));

/** What is asked, in one line. */
export function titleOf({ ask, session }: Open): string {
  if (ask.title) return foreign(ask.title);
  return ask.answered_in === "terminal" ? "Open the session to see what it asks" : foreign(session.title ?? "");
}

const path = (ask: Ask, what: string): string => `/api/asks/${encodeURIComponent(ask.id)}/${what}`;

/** Asks that this page answered or marked as seen. */
export const givenHere = new Set<string>();

async function change(ask: Ask, what: string, body?: unknown): Promise<boolean> {
  try {
    // The connection may tell of it before the request does.
    if (what !== "snooze") givenHere.add(ask.id);
    await request("POST", path(ask, what), body);
    return true;
  } catch (error) {
    givenHere.delete(ask.id);
    toast({ text: problemOf(error).detail, bad: true });
    return false;
  }
}

/** False when it was not answered: somebody else was first, or the answer does not fit. */
export const answer = (ask: Ask, body: AnswerAsk): Promise<boolean> => change(ask, "answer", body);
export const acknowledge = (ask: Ask): Promise<boolean> => change(ask, "acknowledge");
export const snooze = (ask: Ask, until: number | null): Promise<boolean> =>
  change(ask, "snooze", { until: until === null ? null : new Date(until).toISOString() });

/** Asks that ended, the newest first. */
export const ended = signal<readonly Event[]>([]);
const MOST_ENDED = 50;
/** Many events are about turns that finished, and went on unseen. */
const MOST_LOOKED_AT = 500;
const ENDS: ReadonlySet<Event["kind"]> = new Set<Event["kind"]>([
  "ask.answered",
  "ask.withdrawn",
  "ask.seen",
  "ask.halted",
]);
const isEnd = (event: Event): boolean =>
  ENDS.has(event.kind) && !(event.kind === "ask.withdrawn" && event.data.what === "finished");

onEvent((event) => {
  if (isEnd(event)) ended.value = [event, ...ended.peek()].slice(0, MOST_ENDED);
});

export async function loadEnded(): Promise<void> {
  try {
    const found = await request<FoundEvents>("GET", `/api/events?source=ask&limit=${MOST_LOOKED_AT}`);
    ended.value = found.events.filter(isEnd).reverse().slice(0, MOST_ENDED);
  } catch {
    // What ends from now on is seen all the same.
  }
}

/** Stops every agent, and says what became of them. */
export async function haltAll(): Promise<void> {
  const halted = await request<Halted[]>("POST", "/api/halt", { all: true });
  const killed = halted.filter(({ outcome }) => outcome === "killed");
  const unproven = halted.filter(({ outcome }) => outcome === "unproven");
  const names = (of: readonly Halted[]): string =>
    of.map(({ session, name }) => foreign(name ?? session.slice(0, 8))).join(", ");
  const parts = [
    `Halted ${count(halted.length, "agent")}.`,
    killed.length > 0 && `Did not react, and were killed: ${names(killed)}.`,
    unproven.length > 0 && `Not stopped: ${names(unproven)}.`,
  ];
  toast({ text: parts.filter(Boolean).join(" "), bad: killed.length + unproven.length > 0 });
}

/** Later today, at the full hour in an hour; this evening; tomorrow morning. */
export function snoozeTimes(now: number): readonly { word: string; until: number }[] {
  const at = (hour: number, days: number): number => {
    const time = new Date(now);
    time.setDate(time.getDate() + days);
    return time.setHours(hour, 0, 0, 0);
  };
  const evening = at(18, 0);
  return [
    { word: "For an hour", until: now + 3_600_000 },
    ...(evening > now ? [{ word: "Until this evening (18:00)", until: evening }] : []),
    { word: "Until tomorrow (9:00)", until: at(9, 1) },
  ];
}
