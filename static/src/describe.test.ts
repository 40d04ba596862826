import { expect, it } from "vitest";
import { nowOf, plain, sentence, summary } from "./describe";
import type { Event } from "./wire";

const hook = (kind: string, payload: unknown): Event =>
  ({ seq: 1, at: "2026-11-23T10:00:00Z", session: "x", source: "hook", kind, data: { event: "x", payload } }) as Event;
const text = (pieces: { text: string }[] | null): string | undefined => pieces?.map((piece) => piece.text).join("");

it("says what an agent asks, with the command as code", () => {
  const asks = nowOf(
    hook("hook.permission_requested", { tool_name: "Bash", tool_input: { command: "npm install argon2" } }),
  );
  expect(asks).toEqual([{ text: "Asks to run " }, { text: "npm install argon2", code: true }]);
  expect(text(nowOf(hook("hook.permission_requested", { tool_name: "Edit", tool_input: { file_path: "a.ts" } })))).toBe(
    "Asks to edit a.ts",
  );
  expect(text(nowOf(hook("hook.permission_requested", null)))).toBe("Asks for a permission");
});

it("says how a turn ended without the marks of its text", () => {
  expect(
    text(nowOf(hook("hook.turn_ended", { last_assistant_message: "# Done\nAll **41** tests pass in `auth`" }))),
  ).toBe("Done All 41 tests pass in auth");
  // A notification says less than what it is about.
  expect(nowOf(hook("hook.notified", { message: "Claude needs your permission" }))).toBeNull();
});

it("knows nothing from an event that says nothing", () => {
  expect(nowOf(hook("hook.subagent_started", {}))).toBeNull();
  expect(nowOf(hook("hook.tool_announced", { tool_name: 7 }))).toBeNull();
});

it("shows nothing invisible: programs choose what stands there", () => {
  expect(plain("a\u001b[31mb\u202ec\nd")).toBe("a [31mb c d");
  expect(plain("x".repeat(500))).toHaveLength(201);
});

it("tells events in words", () => {
  const at = "2026-11-23T10:00:00Z";
  const event = (part: unknown): Event => ({ seq: 1, at, session: "x", ...(part as object) }) as Event;
  expect(
    summary(
      event({
        source: "terminal",
        kind: "terminal.gap_recorded",
        data: { cursor: "0:1", reason: "evicted", lost: { lines: 1200 } },
      }),
    ),
  ).toBe("1,200 lines are missing.");
  expect(
    summary(
      event({
        source: "terminal",
        kind: "terminal.gap_recorded",
        data: { cursor: "0:1", reason: "daemon_away", lost: "nothing" },
      }),
    ),
  ).toBe("The output goes on; nothing is missing.");
  expect(
    summary(
      event({
        source: "session",
        kind: "session.activity_changed",
        data: { activity: "waiting", waiting_for: "question" },
      }),
    ),
  ).toBe("Waits for a question.");
  expect(
    summary(
      event({
        source: "session",
        kind: "session.ended",
        data: { exit: { code: 0, signal: null, reason: "exited" }, cursor: "0:1" },
      }),
    ),
  ).toBe("Exited normally.");
  const process = { pid: 7, names: "codepiper < bash" };
  expect(
    summary(event({ source: "auth", kind: "auth.password_changed", data: { login: null, by: { process } } })),
  ).toBe("The password was changed by process 7 (codepiper < bash).");
  expect(summary(event({ source: "auth", kind: "auth.password_changed", data: { login: null } }))).toBe(
    "The password was changed.",
  );
  // A kind of a newer daemon is shown by its name.
  expect(summary(event({ source: "git", kind: "git.committed", data: {} }))).toBe("git.committed");
  expect(text(sentence(hook("hook.tool_used", { tool_name: "Bash", tool_input: { command: "ls" } })))).toBe(
    "Finished Bash ls",
  );
});
