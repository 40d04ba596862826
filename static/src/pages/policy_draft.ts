// A policy while its form is filled in: a list is a text with one entry a line.

import type { ExampleForm, PolicyAction, PolicyForm, PolicyNote, RuleForm } from "../wire";

/** What has no name of its own, in a list whose order changes. */
interface Keyed {
  readonly key: number;
}

export interface Pair extends Keyed {
  readonly name: string;
  readonly value: string;
}

export interface ExampleDraft extends Keyed {
  readonly text: string;
  /** Of a tool; `text` is of a command, or of the one field that the rule is about. */
  readonly fields: readonly Pair[] | null;
}

export interface WordDraft extends Keyed {
  readonly alternatives: string;
}

export interface RuleDraft extends Keyed {
  /** Its number in the text that the form was read from. */
  readonly from: number | null;
  readonly action: PolicyAction;
  readonly about: "command" | "fields";
  readonly tool: string;
  readonly program: string;
  readonly words: readonly WordDraft[] | null;
  readonly options: string;
  readonly args: readonly Pair[];
  readonly paths: string;
  readonly cwd: string;
  readonly session: string;
  readonly provider: string;
  readonly reason: string;
  readonly matches: readonly ExampleDraft[];
  readonly notMatches: readonly ExampleDraft[];
}

export type ScopeKind = "everywhere" | "directories" | "sessions";

export interface PolicyDraft {
  readonly name: string;
  readonly description: string;
  readonly priority: string;
  readonly default: PolicyAction;
  readonly failsClosed: boolean;
  readonly scope: ScopeKind;
  readonly where: string;
  readonly includes: string;
  readonly rules: readonly RuleDraft[];
}

/** An entry that is empty, in a text in which empty lines are no entries. */
const EMPTY = '""';

let last = 0;
export const nextKey = (): number => ++last;

const lines = (entries: readonly string[]): string => entries.map((entry) => entry || EMPTY).join("\n");

const entries = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map((line) => (line === EMPTY ? "" : line));

const pairs = (fields: Readonly<Record<string, string>>): Pair[] =>
  Object.entries(fields).map(([name, value]) => ({ key: nextKey(), name, value }));

const example = (form: ExampleForm): ExampleDraft =>
  typeof form === "string"
    ? { key: nextKey(), text: form, fields: null }
    : { key: nextKey(), text: "", fields: pairs(form) };

function ruleDraft(form: RuleForm): RuleDraft {
  const words = form.command?.words ?? null;
  return {
    key: nextKey(),
    from: form.from,
    action: form.action,
    about: form.command ? "command" : "fields",
    tool: lines(form.tool),
    program: lines(form.command?.program ?? []),
    words: words && words.map((word) => ({ key: nextKey(), alternatives: lines(word) })),
    options: lines(form.command?.options ?? []),
    args: pairs(Object.fromEntries(Object.entries(form.args).map(([name, list]) => [name, lines(list)]))),
    paths: lines(form.paths),
    cwd: lines(form.cwd),
    session: lines(form.session),
    provider: lines(form.provider),
    reason: form.reason ?? "",
    matches: form.matches.map(example),
    notMatches: form.not_matches.map(example),
  };
}

export function draftOf(form: PolicyForm): PolicyDraft {
  const { scope } = form;
  const everywhere = scope === "everywhere";
  return {
    name: form.name,
    description: form.description,
    priority: String(form.priority),
    default: form.default,
    failsClosed: form.fails_closed,
    scope: everywhere ? "everywhere" : "directories" in scope ? "directories" : "sessions",
    where: everywhere ? "" : lines("directories" in scope ? scope.directories : scope.sessions),
    includes: lines(form.includes),
    rules: form.rules.map(ruleDraft),
  };
}

/** What the form would change although nobody did: only the text can show it. */
export function tooMuch(form: PolicyForm): string | null {
  if (!Number.isSafeInteger(form.priority)) return "The priority has too many digits.";
  const { scope } = form;
  const lists = [
    form.includes,
    scope === "everywhere" ? [] : "directories" in scope ? scope.directories : scope.sessions,
  ];
  for (const rule of form.rules) {
    lists.push(rule.tool, rule.paths, rule.cwd, rule.session, rule.provider, ...Object.values(rule.args));
    if (rule.command) lists.push(rule.command.program, rule.command.options, ...(rule.command.words ?? []));
  }
  const odd = lists.flat().find((entry) => entry !== entry.trim() || entry.includes("\n") || entry === EMPTY);
  return odd === undefined ? null : `The form cannot show the entry ${JSON.stringify(odd)}.`;
}

const record = (list: readonly Pair[]): Record<string, string> =>
  Object.fromEntries(list.map(({ name, value }) => [name, value]));

const exampleForm = ({ text, fields }: ExampleDraft): ExampleForm => (fields ? record(fields) : text);

function ruleForm(rule: RuleDraft): RuleForm {
  return {
    from: rule.from,
    action: rule.action,
    tool: entries(rule.tool),
    command:
      rule.about === "fields"
        ? null
        : {
            program: entries(rule.program),
            words: rule.words && rule.words.map(({ alternatives }) => entries(alternatives)),
            options: entries(rule.options),
          },
    args: Object.fromEntries(rule.args.map(({ name, value }) => [name, entries(value)])),
    paths: entries(rule.paths),
    cwd: entries(rule.cwd),
    session: entries(rule.session),
    provider: entries(rule.provider),
    reason: rule.reason || null,
    matches: rule.matches.map(exampleForm),
    not_matches: rule.notMatches.map(exampleForm),
  };
}

export function formOf(draft: PolicyDraft): PolicyForm {
  const where = entries(draft.where);
  return {
    name: draft.name,
    description: draft.description,
    priority: Number(draft.priority),
    default: draft.default,
    fails_closed: draft.failsClosed,
    scope:
      draft.scope === "everywhere"
        ? "everywhere"
        : draft.scope === "directories"
          ? { directories: where }
          : { sessions: where },
    includes: entries(draft.includes),
    rules: draft.rules.map(ruleForm),
  };
}

const note = (rule: number | null, field: string, message: string): PolicyNote => ({ line: 0, rule, field, message });

function twice(list: readonly Pair[]): string | undefined {
  return list.find(({ name }, at) => list.findIndex((other) => other.name === name) !== at)?.name;
}

/** What keeps a draft from being written as a policy at all. */
export function obstacles(draft: PolicyDraft): PolicyNote[] {
  const found: PolicyNote[] = [];
  if (!/^-?\d+$/.test(draft.priority) || !Number.isSafeInteger(Number(draft.priority)))
    found.push(note(null, "priority", "The priority has to be a whole number."));
  draft.rules.forEach((rule, at) => {
    const lists = [["args", rule.args] as const].concat(
      rule.matches.map((each) => ["match", each.fields ?? []] as const) as never,
      rule.notMatches.map((each) => ["not_match", each.fields ?? []] as const) as never,
    );
    for (const [field, list] of lists) {
      const name = twice(list);
      if (name !== undefined) found.push(note(at + 1, field, `The field '${name}' is there twice.`));
    }
  });
  return found;
}

export function newRule(): RuleDraft {
  return ruleDraft({
    from: null,
    action: "ask",
    tool: [],
    command: { program: [], words: null, options: [] },
    args: {},
    paths: [],
    cwd: [],
    session: [],
    provider: [],
    reason: null,
    matches: [],
    not_matches: [],
  });
}

/** The same once more, as a rule of its own. */
export const copyOf = (rule: RuleDraft): RuleDraft => ruleDraft({ ...ruleForm(rule), from: null });

/** The list with the entry at one place moved to another. */
export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const left = list.filter((_, at) => at !== from);
  return [...left.slice(0, to), list[from] as T, ...left.slice(to)];
}

/** A rule in one line. */
export function sentence(rule: RuleDraft): string {
  const list = (text: string): string => entries(text).join(", ");
  const parts = [list(rule.tool)];
  if (rule.about === "command") {
    const words = rule.words?.map(({ alternatives }) => entries(alternatives).join("|")) ?? [];
    parts.push([entries(rule.program).join("|"), ...words].join(" "));
  } else parts.push(...rule.args.map(({ name, value }) => `${name}: ${list(value)}`), list(rule.paths));
  if (rule.cwd) parts.push(`in ${list(rule.cwd)}`);
  return parts.filter((part) => part.trim() !== "").join(" · ") || "Nothing yet";
}
