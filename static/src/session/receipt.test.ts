import { expect, it } from "vitest";
import type { Event } from "../wire";
import { fateWords, follow, refused, type Fate } from "./receipt";

const event = (kind: string, data: object = {}): Event =>
  ({ seq: 1, at: "2026-11-26T12:00:00Z", session: null, source: "input", kind, data }) as unknown as Event;
const told = (fate: Fate, ...events: Event[]): string[] =>
  events.map((each) => fateWords((fate = follow(fate, each) ?? fate)));
const SENT = event("input.sent", { bytes: 1, enter: true, cursor: "0:0" });
const WORKS = event("session.activity_changed", { activity: "working" });

it("follows a text that waits until its turn has begun", () => {
  const waits = "It will be sent when the agent is idle.";
  expect(
    told(
      { is: "sending" },
      event("input.queued", { bytes: 3, queued: 2 }),
      SENT,
      event("input.queued", { bytes: 3, queued: 2 }),
      SENT,
      event("hook.prompt_submitted"),
      WORKS,
    ),
  ).toEqual([
    `Queued (number 2 in line). ${waits}`,
    `Queued. ${waits}`,
    `Queued. ${waits}`,
    "Queued → Written",
    "Queued → Written → Submitted",
    "Queued → Written → Submitted → Turn started",
  ]);
});

it("says more of a text that was sent, and never less", () => {
  const sent: Fate = { is: "sent", receipt: "submitted", waited: false, warning: null };
  expect(
    told(sent, event("hook.prompt_submitted"), event("session.activity_changed", { activity: "idle" }), WORKS),
  ).toEqual([
    "Written → Echoed → Submitted",
    "Written → Echoed → Submitted",
    "Written → Echoed → Submitted → Turn started",
  ]);
});

it("says why a text was not sent", () => {
  const queued: Fate = { is: "queued", place: 2 };
  const dropped = (texts: number, reason: string): Event => event("input.dropped", { texts, reason });
  expect(told(queued, dropped(1, "x"), dropped(1, "the session has ended"))).toEqual([
    "Queued. It will be sent when the agent is idle.",
    "Not sent: the session has ended.",
  ]);
  const busy = refused({ code: "busy", status: 409, title: "Busy", detail: "codex is waiting for an answer" });
  expect(busy).toMatchObject({ busy: true });
  expect(fateWords(busy)).toBe("Not sent: codex is waiting for an answer.");
  const typed = "the text was typed, but codex does not show it, so Enter was not pressed";
  expect(fateWords(refused({ code: "not_taken", status: 409, title: "", detail: typed }))).toBe(
    "Not submitted: the text was typed, but codex does not show it, so Enter was not pressed.",
  );
  expect(fateWords(refused({ code: "internal", status: 0, title: "", detail: "The daemon is not responding." }))).toBe(
    "Not sent: The daemon is not responding.",
  );
});
