// What a trace shows between two moments, and in words.

import type { SpanState } from "./wire";
import type { Span } from "./trace";

/** Where a state's bar begins and how high it is, of 16. */
export const BARS = {
  starting: { y: 6, height: 4 },
  working: { y: 3, height: 10 },
  idle: { y: 8, height: 2 },
  waiting: { y: 1, height: 14 },
  unknown: { y: 3, height: 10 },
  away: { y: 8, height: 1 },
} as const;

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
