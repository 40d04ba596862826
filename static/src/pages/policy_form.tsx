// All fields of a policy as a form.

import { useLayoutEffect, useRef } from "preact/hooks";
import type { PolicyNote } from "../wire";
import { announce } from "../ui/announcer";
import { Icon } from "../ui/icon";
import { copyOf, moved, newRule, type PolicyDraft, type RuleDraft, type ScopeKind } from "./policy_draft";
import { Field, LinesField, NoteLines, TextField } from "./policy_fields";
import { PolicyRuleCard } from "./policy_rule";
import { Choice } from "./settings";

/** A note about a rule, which may have moved since. */
export type RuleNotes = ReadonlyMap<number, { mistakes: readonly PolicyNote[]; warnings: readonly PolicyNote[] }>;

interface Props {
  draft: PolicyDraft;
  set: (draft: PolicyDraft) => void;
  /** It is there already, under its name. */
  named: boolean;
  /** What is wrong with its own fields. */
  mistakes: readonly PolicyNote[];
  /** By the keys of its rules. */
  ofRules: RuleNotes;
  /** The key of the open rule. */
  open: number | null;
  setOpen: (key: number | null) => void;
}

const KNOWN = "name description priority default fail directories sessions include".split(" ");
const SCOPES: readonly (readonly [ScopeKind, string])[] = [
  ["everywhere", "Everywhere"],
  ["directories", "Directories"],
  ["sessions", "Sessions"],
];

export function PolicyFormView({ draft, set, named, mistakes, ofRules, open, setOpen }: Props) {
  const list = useRef<HTMLOListElement>(null);
  const focus = useRef<number | null>(null);
  useLayoutEffect(() => {
    if (focus.current === null) return;
    const card = list.current?.querySelector(`[data-rule="${focus.current}"]`);
    focus.current = null;
    card?.querySelector<HTMLElement>(".policy-rule-head")?.focus();
  });
  const change = (part: Partial<PolicyDraft>): void => set({ ...draft, ...part });
  const { rules } = draft;
  const place = (next: readonly RuleDraft[], key: number | null): void => {
    focus.current = key;
    change({ rules: next });
  };
  const move = (from: number, to: number): void => {
    const rule = rules[from];
    if (!rule || to < 0 || to >= rules.length) return;
    place(moved(rules, from, to), rule.key);
    announce(`Rule ${from + 1} is now rule ${to + 1}.`);
  };
  const insert = (at: number, rule: RuleDraft): void => {
    place([...rules.slice(0, at), rule, ...rules.slice(at)], rule.key);
    setOpen(rule.key);
  };
  const remove = (at: number): void => {
    const next = rules.filter((_, other) => other !== at);
    place(next, (next[at] ?? next[at - 1])?.key ?? null);
    announce(`Rule ${at + 1} removed.`);
  };
  return (
    <div class="policy-form">
      <PolicyFields draft={draft} change={change} named={named} mistakes={mistakes} />
      <h3 class="label">Rules</h3>
      <ol class="policy-rules" ref={list}>
        {rules.map((rule, at) => (
          <PolicyRuleCard
            key={rule.key}
            rule={rule}
            number={at + 1}
            count={rules.length}
            open={open === rule.key}
            toggle={() => setOpen(open === rule.key ? null : rule.key)}
            set={(part) => change({ rules: rules.map((each) => (each === rule ? { ...rule, ...part } : each)) })}
            move={(to) => move(at, to)}
            duplicate={() => insert(at + 1, copyOf(rule))}
            remove={() => remove(at)}
            mistakes={ofRules.get(rule.key)?.mistakes ?? []}
            warnings={ofRules.get(rule.key)?.warnings ?? []}
          />
        ))}
      </ol>
      <button type="button" class="button" onClick={() => insert(rules.length, newRule())}>
        <Icon name="plus" size={14} />
        Add rule
      </button>
    </div>
  );
}

function PolicyFields({
  draft,
  change,
  named,
  mistakes,
}: {
  draft: PolicyDraft;
  change: (part: Partial<PolicyDraft>) => void;
  named: boolean;
  mistakes: readonly PolicyNote[];
}) {
  const of = (...fields: string[]): PolicyNote[] => mistakes.filter((note) => fields.includes(note.field));
  return (
    <>
      <NoteLines notes={mistakes.filter((note) => !KNOWN.includes(note.field))} />
      <div class="policy-columns">
        <TextField
          label="Name"
          help={named ? "stays as it is" : ""}
          mono
          readOnly={named}
          notes={of("name")}
          value={draft.name}
          set={(name) => change({ name })}
        />
        <TextField
          label="Priority"
          help="the higher one decides"
          mono
          notes={of("priority")}
          value={draft.priority}
          set={(priority) => change({ priority })}
        />
      </div>
      <LinesField
        label="Description"
        mono={false}
        notes={of("description")}
        value={draft.description}
        set={(description) => change({ description })}
      />
      <div class="policy-columns">
        <Field label="When no rule matches" notes={of("default")}>
          {(described) => (
            <select
              {...described}
              class="select"
              value={draft.default}
              onChange={(event) => change({ default: event.currentTarget.value === "deny" ? "deny" : "ask" })}
            >
              <option value="ask">Ask</option>
              <option value="deny">Deny</option>
            </select>
          )}
        </Field>
        <Field label="While the daemon does not answer" notes={of("fail")}>
          {(described) => (
            <select
              {...described}
              class="select"
              value={draft.failsClosed ? "deny" : "rules"}
              onChange={(event) => change({ failsClosed: event.currentTarget.value === "deny" })}
            >
              <option value="rules">Deny what the rules deny</option>
              <option value="deny">Deny everything</option>
            </select>
          )}
        </Field>
      </div>
      <div class="policy-row">
        <span class="policy-choice-label">Applies</span>
        <Choice label="Applies" value={draft.scope} choose={(scope) => change({ scope })} options={SCOPES} />
      </div>
      {draft.scope !== "everywhere" && (
        <LinesField
          label={draft.scope === "directories" ? "Directories" : "Sessions"}
          help={
            draft.scope === "directories" ? "one a line, with what is below" : "names or ids, one a line; may be empty"
          }
          notes={of("directories", "sessions")}
          value={draft.where}
          set={(where) => change({ where })}
        />
      )}
      <LinesField
        label="Includes"
        help="names of other policies, one a line"
        notes={of("include")}
        value={draft.includes}
        set={(includes) => change({ includes })}
      />
    </>
  );
}
