// @vitest-environment jsdom
import { expect, it, vi } from "vitest";
import { aSession } from "../sample";
import { recentOf } from "./recent";

// The theme asks for it, and jsdom has none.
vi.hoisted(() => (globalThis.matchMedia = (() => ({ matches: false })) as unknown as typeof matchMedia));

it("has the newest first, each once, and a worktree by its repository", () => {
  const worktree = { path: "/w/x", repository: "/r/app", branch: "x", base: null, uncommitted: 0, ignored: [] };
  const all = [
    aSession({ cwd: "/r/app", branch: "main", status: "stopped" }),
    aSession({ cwd: "/tmp", branch: null }),
    aSession({ cwd: "/w/x", branch: "x", worktree: worktree as never }),
  ];
  expect(recentOf(all, ["/r/old", "/tmp"])).toEqual([
    { path: "/r/app", branch: "main", live: 1 },
    { path: "/tmp", branch: null, live: 1 },
    { path: "/r/old", branch: null, live: 0 },
  ]);
});
