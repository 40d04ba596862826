import { expect, it } from "vitest";
import { commandOf, splitArguments } from "./launch";

it("splits like a shell", () => {
  expect(splitArguments(`--model opus 'a b' "c \\" d" e\\ f ''`)).toEqual(["--model", "opus", "a b", 'c " d', "e f", ""]);
  expect(splitArguments("   ")).toEqual([]);
});

it("is the same in a shell", () => {
  expect(
    commandOf({ provider: "claude-code", dir: "/home/u/my app", name: null, prompt: "don't stop", billing: "api", size: { cols: 100, rows: 30 }, args: ["--model", "opus"] }),
  ).toBe("codepiper start -p claude-code -d '/home/u/my app' --billing api --prompt 'don'\\''t stop' --size 100x30 -- --model opus");
  expect(
    commandOf({ provider: "codex", dir: "~/x", env_sets: ["one", "two"], worktree: { create_branch: "feature/x", base: "main~1" }, dangerous: true }),
  ).toBe("codepiper start -p codex -d ~/x --env-set one --env-set two --worktree --create-branch feature/x --base main~1 --dangerous");
  expect(commandOf({ provider: "codex", dir: "~/x", worktree: { branch: "there" } })).toBe("codepiper start -p codex -d ~/x --worktree --branch there");
  expect(commandOf({ provider: "shell", dir: "~/x", billing: "subscription" })).toBe("codepiper start -p shell -d ~/x");
});
