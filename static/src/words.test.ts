import { describe, expect, it } from "vitest";
import { aSession } from "./sample";
import { age, bytes, duration, exitSentence, foreign, nameOf, pathParts, stateOf, tilde, visible } from "./words";
import { dayName } from "./clock";

describe("ages and sizes", () => {
  it("has one unit in lists and two in sentences", () => {
    expect([4_000, 12 * 60_000, 3 * 3_600_000, 9 * 86_400_000, -5].map(age)).toEqual(["4s", "12m", "3h", "9d", "0s"]);
    expect(duration(5 * 3_600_000 + 21 * 60_000)).toBe("5 h 21 min");
    expect([999, 4_200, 3_100_000].map(bytes)).toEqual(["999 B", "4.2 kB", "3.1 MB"]);
  });

  it("names today and yesterday", () => {
    const now = new Date(2026, 10, 23, 12).getTime();
    expect(dayName(now - 3_600_000, now)).toBe("Today");
    expect(dayName(now - 24 * 3_600_000, now)).toBe("Yesterday");
    expect(dayName(now - 5 * 24 * 3_600_000, now)).toBe("Wednesday 18 November");
  });
});

describe("paths", () => {
  it("writes the home directory as a tilde, and only it", () => {
    expect(tilde("/home/u/x", "/home/u")).toBe("~/x");
    expect(tilde("/home/u", "/home/u")).toBe("~");
    expect(tilde("/home/uwe", "/home/u")).toBe("/home/uwe");
    expect(tilde("/x", null)).toBe("/x");
  });

  it("keeps the last part whole", () => {
    expect(pathParts("~/work/storefront/app")).toEqual(["~/work/storefront", "/app"]);
    expect(pathParts("/srv")).toEqual(["", "/srv"]);
  });
});

describe("states", () => {
  it("has one word and a detail for each", () => {
    const said = (part: Parameters<typeof aSession>[0]): string => {
      const { word, detail, icon } = stateOf(aSession(part));
      return `${word}/${detail}/${icon}`;
    };
    expect(said({ status: "starting", activity: "unknown" })).toBe("Starting//starting");
    expect(said({ activity: "working" })).toBe("Running/working/working");
    expect(said({ activity: "idle" })).toBe("Running/idle/idle");
    const foreground = { command: null, pid: 7, since: "2026-11-23T10:00:00Z" };
    expect(said({ activity: "idle", foreground })).toBe("At its prompt//idle");
    expect(said({ foreground: { ...foreground, command: "npm install" } })).toBe("Running npm install//working");
    expect(said({ activity: "unknown" })).toBe("Running/state unknown/unknown");
    expect(said({ activity: "waiting", waiting_for: "permission" })).toBe("Waiting/permission/permission");
    expect(said({ activity: "waiting", waiting_for: "question" })).toBe("Waiting/question/question");
    expect(said({ activity: "waiting", waiting_for: "usage_limit" })).toBe("Waiting/usage limit/question");
    expect(said({ activity: "waiting", waiting_for: null })).toBe("Waiting//permission");
    expect(said({ activity: "working", background: ["npm test"] })).toBe("Running/background: npm test/working");
    expect(said({ status: "stopped", exit: { code: null, signal: 15, reason: "stopped" } })).toBe(
      "Stopped/on request/stopped",
    );
    expect(said({ status: "crashed", exit: { code: 137, signal: null, reason: "exited" } })).toBe(
      "Crashed/exit 137/crashed",
    );
    expect(said({ status: "crashed", exit: { code: null, signal: 9, reason: "exited" } })).toBe(
      "Crashed/SIGKILL/crashed",
    );
    expect(stateOf(aSession({ activity: "idle" }), true).detail).toBe("turn finished");
  });

  it("tells an end in a sentence", () => {
    expect(exitSentence({ code: null, signal: null, reason: "server_gone" })).toBe(
      "Ended when its tmux server went away",
    );
    expect(exitSentence(null)).toBe("Ended for an unknown reason");
  });

  it("calls a session without a name by its directory", () => {
    expect(nameOf(aSession({ name: null, cwd: "/home/u/my-app" }))).toBe("my-app");
    expect(nameOf(aSession({ name: null, cwd: "/", short_id: "a1b2c3d4" }))).toBe("a1b2c3d4");
  });
});

it("writes out what a name hides, and keeps its direction its own", () => {
  expect(visible("plain, größer, 日本, 👩‍👧 ❤️‍🔥 👍🏽 ⚙️")).toBe("plain, größer, 日本, 👩‍👧 ❤️‍🔥 👍🏽 ⚙️");
  expect(visible("a\u001b[31m\u009b\u202e\u200b\u2066\n\u2028")).toBe(
    "a<U+001B>[31m<U+009B><U+202E><U+200B><U+2066><U+000A><U+2028>",
  );
  expect(visible("a\u200db⚡\u200d\u{e0041}")).toBe("a<U+200D>b⚡<U+200D><U+E0041>");
  expect(foreign("שלום")).toBe("\u2068שלום\u2069");
  expect(foreign("main")).toBe("main");
});
