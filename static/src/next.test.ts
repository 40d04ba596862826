import { expect, it } from "vitest";
import "./git/next_step";
import { Failed, problemOf } from "./http";
import { nextWords } from "./next";
import type { Next } from "./wire";

const problem = (next?: Next) => ({ code: "launch_failed", status: 422, title: "", detail: "X is set", next }) as const;

it("says the next step in words of the dashboard", () => {
  const detail = (next?: Next): string => problemOf(new Failed(problem(next) as Failed["problem"])).detail;
  expect(detail({ step: "choose_billing", billing: "api" })).toBe(
    "X is set; choose api billing, or remove the variable",
  );
  expect(detail({ step: "create_branch", branch: "x", base: "origin/x" })).toBe(
    "X is set; create it as a new branch from origin/x",
  );
  expect(detail({ step: "finish_operation", operation: "rebase", conflicts: true })).toBe(
    "X is set; resolve the conflicts and stage the files, then run “git rebase --continue” in the terminal",
  );
  expect(detail({ step: "add_api_key" })).toBe("No API key was found. Add one to an env set, or choose Subscription.");
  expect(detail({ step: "run_checks" })).toBe("X is set");
  expect(detail()).toBe("X is set");
});

it("leaves a step of a newer daemon out", () => {
  expect(nextWords({ step: "ask_the_moon" } as unknown as Next)).toBeNull();
});
