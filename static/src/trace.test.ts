import { expect, it } from "vitest";
import { aSession } from "./sample";
import { extended, type Span } from "./trace";
import { traceSentence, within } from "./trace_words";

const at = (second: number): string => new Date(second * 1000).toISOString();

it("goes on with the state of now", () => {
  const working: Span = { from: 10_000, to: null, state: "working" };
  const same = aSession({ activity: "working", state_since: at(10) });
  expect(extended([working], same)).toEqual([working]);
  const waits = aSession({ activity: "waiting", state_since: at(20) });
  expect(extended([working], waits)).toEqual([
    { from: 10_000, to: 20_000, state: "working" },
    { from: 20_000, to: null, state: "waiting" },
  ]);
});

it("ends with the session, and begins again with it", () => {
  const ended = extended(
    [{ from: 10_000, to: null, state: "idle" }],
    aSession({ status: "stopped", state_since: at(30) }),
  );
  expect(ended).toEqual([{ from: 10_000, to: 30_000, state: "idle" }]);
  const again = extended(ended, aSession({ status: "starting", state_since: at(50) }));
  expect(again.at(-1)).toEqual({ from: 50_000, to: null, state: "starting" });
  expect(extended([], aSession({ status: "stopped" }))).toEqual([]);
});

it("shows what lies in the window, and joins neighbours of one state", () => {
  const spans: Span[] = [
    { from: 0, to: 10, state: "idle" },
    { from: 10, to: 20, state: "working" },
    { from: 20, to: 30, state: "working" },
    { from: 40, to: null, state: "waiting" },
  ];
  expect(within(spans, 5, 50)).toEqual([
    { from: 5, to: 10, state: "idle" },
    { from: 10, to: 30, state: "working" },
    { from: 40, to: 50, state: "waiting" },
  ]);
});

it("is a sentence for who cannot see it", () => {
  const spans: Span[] = [
    { from: 0, to: 600_000, state: "working" },
    { from: 600_000, to: 630_000, state: "waiting" },
  ];
  expect(traceSentence(spans, 0, 3_600_000, "Last hour")).toBe("Last hour: working 10 min, waiting under a minute");
  expect(traceSentence([], 0, 1, "Last hour")).toBe("Last hour: not running");
});
