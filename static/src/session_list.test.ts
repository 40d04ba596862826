// @vitest-environment jsdom
import { expect, it, vi } from "vitest";
import { aSession } from "./sample";
import { fits, groupOf, matches, ordered } from "./session_list";

// The theme asks for it, and jsdom has none.
vi.hoisted(() => (globalThis.matchMedia = (() => ({ matches: false })) as unknown as typeof matchMedia));

it("puts what waits longest first, then what is newest, then what ended last", () => {
  const list = [
    aSession({ name: "ended early", status: "stopped", state_since: "2026-11-23T10:00:00Z" }),
    aSession({ name: "old", created_at: "2026-11-22T10:00:00Z" }),
    aSession({ name: "waits", activity: "waiting", state_since: "2026-11-23T11:00:00Z" }),
    aSession({ name: "new", created_at: "2026-11-23T10:00:00Z" }),
    aSession({ name: "waits longer", activity: "waiting", state_since: "2026-11-23T09:00:00Z" }),
    aSession({ name: "ended late", status: "crashed", state_since: "2026-11-23T12:00:00Z" }),
  ];
  expect(ordered(list).map((session) => session.name)).toEqual([
    "waits longer",
    "waits",
    "new",
    "old",
    "ended late",
    "ended early",
  ]);
});

it("knows which time is later, however many digits it has", () => {
  const ended = ["10:00:00.75Z", "10:00:00.7Z", "10:00:01Z", "10:00:01.5Z"].map((time) =>
    aSession({ name: time, status: "stopped", state_since: `2026-11-23T${time}` }),
  );
  expect(ordered(ended).map((session) => session.name)).toEqual([
    "10:00:01.5Z",
    "10:00:01Z",
    "10:00:00.75Z",
    "10:00:00.7Z",
  ]);
});

it("finds every word somewhere", () => {
  const session = aSession({ name: "auth-argon2", branch: "feature/refactor" });
  expect(matches(session, "argon REFACTOR")).toBe(true);
  expect(matches(session, "argon redis")).toBe(false);
  expect(matches(session, "")).toBe(true);
});

it("filters by what a session does", () => {
  expect(fits(aSession({ activity: "idle" }), "idle", "")).toBe(true);
  // An ended session's last activity counts no more.
  expect(fits(aSession({ activity: "idle", status: "stopped" }), "idle", "")).toBe(false);
  expect(fits(aSession({ activity: "waiting", status: "crashed" }), "needs", "")).toBe(false);
  expect(groupOf(aSession({ activity: "waiting", status: "crashed" }))).toBe("Ended");
});
