import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { commandOf, splitArguments } from "./launch";

/** The words that a real shell makes of a text. */
function words(text: string): string[] {
  const script = `for word in ${text}\ndo printf '%s\\0' "$word"\ndone`;
  return execFileSync("sh", ["-c", script], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })
    .split("\0")
    .slice(0, -1);
}

it("splits like a shell", () => {
  for (const text of [
    "--model opus 'a b' \"c \\\" d\" e\\ f ''",
    "a'b'c\"d\"e",
    "'a\\b'",
    '"a\\b"',
    '"a\\\\b"',
    "a\\\\b",
    "\\a\\'\\\"",
    '"it\'s"',
    "'say \"x\"'",
    '"\\$HOME \\`x\\` \\n \\t"',
    "'$HOME `x`'",
    "\\$HOME",
    "a\\\nb",
    '"a\\\nb"',
    "'a\\\nb'",
    '"two\nlines"',
    "''",
    '""',
    "a''",
    "'' \"\" b",
    "  a\t b  ",
    "a\\ ",
    "--x='y z'",
    '"größer 日本"',
    "it\\'s",
    "\"a'b\"'c\"d'",
    "\\\\",
    '"\\\\"',
    "a\u00a0b",
    '"\\\'"',
    '"\\a\\ \\\\\\$"',
  ]) {
    expect(splitArguments(text), text).toEqual(words(text));
  }
  expect(splitArguments("   ")).toEqual([]);
  // Taken as it stands: nothing is expanded, and nothing is an operator.
  expect(splitArguments("$HOME * ~/x a;b | c #d")).toEqual(["$HOME", "*", "~/x", "a;b", "|", "c", "#d"]);
});

it("does not guess where a quote ends", () => {
  for (const text of ["'a", '"a', "a 'b\"", '"a\\"', "it's"]) {
    expect(splitArguments(text), text).toBeNull();
    expect(() => words(text), text).toThrow();
  }
});

it("quotes so that a shell gives the same words", () => {
  const args = [
    "a b",
    "don't",
    "~/x",
    "$HOME",
    "`x`",
    "*",
    "=ls",
    "{a,b}",
    "!x",
    "a\nb",
    "",
    "\\",
    "#x",
    "a;b",
    "-n",
    "--x=~/y",
    "größer",
    '"',
    "a=b",
    "[x]",
    "<",
    "^",
  ];
  const command = commandOf({ provider: "shell", dir: "/d", args });
  expect(words(command.slice(command.indexOf(" -- ") + 4))).toEqual(args);
  expect(splitArguments(command.slice(command.indexOf(" -- ") + 4))).toEqual(args);
  expect(commandOf({ provider: "x", dir: "~/my app", prompt: "-x" })).toBe(
    "codepiper start -p x -d ~/'my app' --prompt=-x",
  );
});

it("is the same in a shell", () => {
  expect(
    commandOf({
      provider: "claude-code",
      dir: "/home/u/my app",
      name: null,
      prompt: "don't stop",
      billing: "api",
      size: { cols: 100, rows: 30 },
      args: ["--model", "opus"],
    }),
  ).toBe(
    "codepiper start -p claude-code -d '/home/u/my app' --billing api --prompt 'don'\\''t stop' --size 100x30 -- --model opus",
  );
  expect(
    commandOf({
      provider: "codex",
      dir: "~/x",
      env_sets: ["one", "two"],
      worktree: { create_branch: "feature/x", base: "main~1" },
      dangerous: true,
    }),
  ).toBe(
    "codepiper start -p codex -d ~/x --env-set one --env-set two --worktree --create-branch feature/x --base main~1 --dangerous",
  );
  expect(commandOf({ provider: "codex", dir: "~/x", worktree: { branch: "there" } })).toBe(
    "codepiper start -p codex -d ~/x --worktree --branch there",
  );
  expect(commandOf({ provider: "shell", dir: "~/x", billing: "subscription" })).toBe("codepiper start -p shell -d ~/x");
});
