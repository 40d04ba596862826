import type { ComponentChildren } from "preact";
import type { Session } from "../wire";
import { connection, isUnseen, now, printed } from "../store";
import { fullTime, age, duration, stateOf } from "../words";
import { StateMark } from "./state_mark";

/** The state as it may be said now: without a connection nobody knows. `detail` is `what` with its age. */
export function stateNow(session: Session) {
  const state = stateOf(session, isUnseen(session));
  const since = Date.parse(session.state_since);
  const link = connection.link.value;
  if (link.phase === "live" || link.phase === "outdated" || now.value - link.since < 1000) {
    const detail = sincePrinted(session) ?? [state.detail, age(now.value - since)].filter(Boolean).join(" ");
    return { ...state, what: state.detail, since, detail };
  }
  const detail = `was ${state.word} ${age(now.value - link.since)} ago`;
  return { icon: "unknown" as const, word: "Unknown", tone: "unk" as const, what: detail, since, detail };
}

/** Of a shell that runs something: when it printed last. */
function sincePrinted(session: Session): string | undefined {
  const at = session.activity === "working" && session.foreground?.command && printed.value.get(session.id)?.at;
  if (!at) return undefined;
  const passed = Math.max(1000, now.value - Date.parse(at));
  return passed < 60_000 ? `printed ${duration(passed)} ago` : `quiet for ${duration(passed)}`;
}

/** Icon, word, detail: for a row. */
export function StateBadge({ session }: { session: Session }) {
  const state = stateNow(session);
  return (
    <span
      class={`state tone-${state.tone}${session.foreground?.command ? " two-lines" : ""}`}
      title={`${state.word} since ${fullTime(state.since)}`}
    >
      <StateMark icon={state.icon} />
      <span class="truncate">{state.word}</span>
      <small>{state.detail}</small>
    </span>
  );
}

/** The same on a ground, for the inside of a button. */
export function StatePill({ session }: { session: Session }): ComponentChildren {
  const state = stateNow(session);
  return (
    <>
      <StateMark icon={state.icon} size={15} />
      <span class="truncate">{state.word}</span>
      <small class="desk-only">{state.detail}</small>
      <small class="phone-only">{age(now.value - state.since)}</small>
    </>
  );
}
