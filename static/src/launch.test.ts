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
  expect(commandOf({ provider: "shell", dir: "~/x", billing: "subscription" })).toBe("codepiper start -p shell -d ~/x");
});
