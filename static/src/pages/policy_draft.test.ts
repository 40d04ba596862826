import { describe, expect, it } from "vitest";
import type { PolicyForm } from "../wire";
import { copyOf, draftOf, formOf, moved, obstacles, sentence, tooMuch } from "./policy_draft";

const FORM: PolicyForm = {
  name: "x",
  description: "two\nlines",
  priority: -3,
  default: "deny",
  fails_closed: true,
  scope: { sessions: [] },
  includes: ["a", "b"],
  rules: [
    {
      from: 1,
      action: "allow",
      tool: [],
      command: { program: ["git"], words: [["log", "show"], ["./**"]], options: ["-n <number>", "-- **"] },
      args: {},
      paths: [],
      cwd: ["~/work/**"],
      session: [],
      provider: [],
      reason: null,
      matches: ["git log\ngit show"],
      not_matches: [],
    },
    {
      from: 2,
      action: "ask",
      tool: ["Grep", "LS"],
      command: null,
      args: { path: ["", "./**"], "file path": ["x"] },
      paths: [],
      cwd: [],
      session: ["a"],
      provider: ["codex"],
      reason: "ask",
      matches: [{ pattern: "x", path: "" }],
      not_matches: ["", { path: "/etc" }],
    },
  ],
};

describe("a draft", () => {
  it("says the same as the form that it is made of", () => {
    expect(formOf(draftOf(FORM))).toEqual(FORM);
    const everywhere: PolicyForm = { ...FORM, scope: "everywhere" };
    expect(formOf(draftOf(everywhere))).toEqual(everywhere);
    const command = { program: ["x"], words: [], options: [] };
    const none: PolicyForm = { ...FORM, rules: FORM.rules.map((rule) => ({ ...rule, command })) };
    expect(formOf(draftOf(none))).toEqual(none);
  });

  it("is not made of what it would change", () => {
    expect(tooMuch(FORM)).toBeNull();
    const with_ = (options: string[]): PolicyForm => ({
      ...FORM,
      rules: FORM.rules.map((rule) => ({ ...rule, command: { program: ["x"], words: null, options } })),
    });
    for (const odd of ["-a\n-b", " -a", '""']) expect(tooMuch(with_([odd]))).toContain(JSON.stringify(odd));
    expect(tooMuch({ ...FORM, priority: 2 ** 60 })).toContain("priority");
  });

  it("leaves out lines with nothing in them", () => {
    const draft = draftOf(FORM);
    const rules = draft.rules.map((rule) => ({ ...rule, cwd: "\n ~/work/** \n\n" }));
    expect(formOf({ ...draft, rules }).rules[1]?.cwd).toEqual(["~/work/**"]);
  });

  it("tells what cannot be written", () => {
    const draft = draftOf(FORM);
    expect(obstacles(draft)).toEqual([]);
    expect(obstacles({ ...draft, priority: "1.5" }).map(({ field }) => field)).toEqual(["priority"]);
    const rules = draft.rules.map((rule) => ({ ...rule, args: [...rule.args, ...rule.args] }));
    expect(obstacles({ ...draft, rules }).map(({ rule, field }) => [rule, field])).toEqual([[2, "args"]]);
  });
});

it("copies a rule as a new one", () => {
  const [rule] = draftOf(FORM).rules;
  if (!rule) throw new Error("no rule");
  const copy = copyOf(rule);
  expect([copy.from, copy.key === rule.key]).toEqual([null, false]);
  expect(sentence(copy)).toBe(sentence(rule));
});

it("says a rule in one line", () => {
  expect(draftOf(FORM).rules.map(sentence)).toEqual([
    "git log|show ./** · in ~/work/**",
    "Grep, LS · path: , ./** · file path: x",
  ]);
});

it("moves an entry", () => {
  expect(moved([1, 2, 3], 0, 2)).toEqual([2, 3, 1]);
  expect(moved([1, 2, 3], 2, 0)).toEqual([3, 1, 2]);
});
