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
