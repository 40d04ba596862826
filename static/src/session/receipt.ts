// What is known of the last text that was sent from here: how far it came, where it waits, or why it was not sent.

import type { Event, Problem, Receipt } from "../wire";

export type Fate =
  | { is: "sending" }
  /** `place`: 1 is the next one; null until it is known. */
  | { is: "queued"; place: number | null }
  | { is: "sent"; receipt: Receipt; waited: boolean; warning: string | null }
  | { is: "refused"; why: string; busy: boolean; typed: boolean };

const STEPS: readonly [Receipt, string][] = [
  ["written", "Written"],
  ["echoed", "Echoed"],
  ["submitted", "Submitted"],
  ["turn_started", "Turn started"],
];

/** What an event of the session says of it. */
export function follow(fate: Fate | null, event: Event): Fate | null {
  if (fate === null || fate.is === "refused") return fate;
  if (fate.is === "sent") {
    if (event.kind === "hook.prompt_submitted") return reached(fate, "submitted");
    return event.kind === "session.activity_changed" && event.data.activity === "working"
      ? reached(fate, "turn_started")
      : fate;
  }
  switch (event.kind) {
    case "input.queued":
      return { is: "queued", place: fate.is === "queued" ? (fate.place ?? event.data.queued) : event.data.queued };
    case "input.sent":
      if (fate.is === "sending") return fate;
      return (fate.place ?? 1) > 1
        ? { is: "queued", place: (fate.place ?? 1) - 1 }
        : { is: "sent", receipt: "written", waited: true, warning: null };
    case "input.dropped":
      if (fate.is === "sending") return fate;
      return (fate.place ?? 1) > event.data.texts
        ? { is: "queued", place: (fate.place ?? 1) - event.data.texts }
        : { is: "refused", why: sentence(event.data.reason), busy: false, typed: false };
    default:
      return fate;
  }
}

function reached(fate: Fate & { is: "sent" }, receipt: Receipt): Fate {
  const order = (each: Receipt): number => STEPS.findIndex(([step]) => step === each);
  return order(receipt) > order(fate.receipt) ? { ...fate, receipt } : fate;
}

export function refused(problem: Problem): Fate {
  return {
    is: "refused",
    why: sentence(problem.detail),
    busy: problem.code === "busy",
    typed: problem.code === "not_taken",
  };
}

function sentence(detail: string): string {
  return detail.endsWith(".") ? detail : `${detail}.`;
}

export function fateWords(fate: Fate | null): string {
  switch (fate?.is) {
    case "queued":
      return fate.place !== null && fate.place > 1
        ? `Queued (number ${fate.place} in line). It will be sent when the agent is idle.`
        : "Queued. It will be sent when the agent is idle.";
    case "sent": {
      const done = STEPS.findIndex(([step]) => step === fate.receipt);
      // Nobody tells whether one that waited was echoed.
      const steps = STEPS.slice(0, done + 1).filter(([step]) => !fate.waited || step !== "echoed");
      return [...(fate.waited ? ["Queued"] : []), ...steps.map(([, word]) => word)].join(" → ");
    }
    case "refused":
      return `${fate.typed ? "Not submitted" : "Not sent"}: ${fate.why}`;
    default:
      return "";
  }
}
