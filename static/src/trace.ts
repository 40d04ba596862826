// The trace: a session's states over time. It is evidence, so nothing is guessed.

import type { Session, SpanState, StateSpan } from "./wire";

/** A stretch of time in one state, in ms since 1970; `to` is null while it lasts. */
export interface Span {
  from: number;
  to: number | null;
  state: SpanState;
}

export function spanOf({ from, to, state }: StateSpan): Span {
  return { from: Date.parse(from), to: to === null ? null : Date.parse(to), state };
}

function stateNow(session: Session): SpanState | null {
  switch (session.status) {
    case "starting":
      return "starting";
    case "running":
      return session.activity;
    case "stopped":
    case "crashed":
      return null;
  }
}

/** The spans with what the session's object says of now. */
export function extended(spans: readonly Span[], session: Session): readonly Span[] {
  const state = stateNow(session);
  const last = spans.at(-1);
  const open = last?.to === null ? last : null;
  if (open ? open.state === state : state === null) return spans;
  const since = Date.parse(session.state_since);
  const closed = open ? [...spans.slice(0, -1), { ...open, to: Math.max(open.from, since) }] : spans;
  return state === null ? closed : [...closed, { from: since, to: null, state }];
}

/** What of the spans lies between `from` and `to`, neighbours of one state joined. */
export function within(
  spans: readonly Span[],
  from: number,
  to: number,
): { from: number; to: number; state: SpanState }[] {
  const found: { from: number; to: number; state: SpanState }[] = [];
  for (const span of spans) {
    const begin = Math.max(span.from, from);
    const end = Math.min(span.to ?? to, to);
    if (end <= begin) continue;
    const last = found.at(-1);
    if (last && last.state === span.state && last.to === begin) last.to = end;
    else found.push({ from: begin, to: end, state: span.state });
  }
  return found;
}

export const STATE_WORDS: Record<SpanState, string> = {
  starting: "starting",
  working: "working",
  idle: "idle",
  waiting: "waiting",
  unknown: "state unknown",
  away: "daemon not running",
};

/** What the picture shows, as a sentence. */
export function traceSentence(spans: readonly Span[], from: number, to: number, span: string): string {
  const totals = new Map<SpanState, number>();
  for (const part of within(spans, from, to)) {
    totals.set(part.state, (totals.get(part.state) ?? 0) + part.to - part.from);
  }
  const parts = [...totals].map(([state, ms]) => `${STATE_WORDS[state]} ${minutes(ms)}`);
  return parts.length === 0 ? `${span}: not running` : `${span}: ${parts.join(", ")}`;
}

function minutes(ms: number): string {
  return ms < 60_000 ? "under a minute" : `${Math.round(ms / 60_000)} min`;
}
