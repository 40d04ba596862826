// One rule of a policy: a sentence when it is closed, a form when it is open.

import { useId } from "preact/hooks";
import type { PolicyAction, PolicyNote } from "../wire";
import { Icon } from "../ui/icon";
import { nextKey, sentence, type ExampleDraft, type RuleDraft } from "./policy_draft";
import { AddButton, LinesField, NoteLines, Pairs, RemoveButton, TextField } from "./policy_fields";
import { Choice } from "./settings";

const ACTIONS: readonly (readonly [PolicyAction, string])[] = [
  ["allow", "Allow"],
  ["ask", "Ask"],
  ["deny", "Deny"],
];

const ONE_A_LINE = "one a line";

interface Props {
  rule: RuleDraft;
  number: number;
  count: number;
  open: boolean;
  toggle: () => void;
  set: (part: Partial<RuleDraft>) => void;
  move: (to: number) => void;
  duplicate: () => void;
  remove: () => void;
  mistakes: readonly PolicyNote[];
  warnings: readonly PolicyNote[];
}

const KNOWN = "tool program words options args paths cwd session provider reason match not_match".split(" ");

export function PolicyRuleCard(props: Props) {
  const { rule, number, open, toggle, mistakes, warnings } = props;
  const body = useId();
  const mark = mistakes.length > 0 ? "tone-bad" : warnings.length > 0 ? "tone-warm" : null;
  const keys = (event: KeyboardEvent): void => {
    if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
    event.preventDefault();
    props.move(number - 1 + (event.key === "ArrowUp" ? -1 : 1));
  };
  return (
    <li class="policy-rule" data-open={open} data-rule={rule.key} onKeyDown={keys}>
      <button type="button" class="policy-rule-head" aria-expanded={open} aria-controls={body} onClick={toggle}>
        <span class="meta">{number}</span>
        <span class="policy-action" data-action={rule.action}>
          {rule.action}
        </span>
        <code class="truncate">{sentence(rule)}</code>
        {mark && (
          <span class={mark}>
            <Icon name="warning" size={14} />
            <span class="visually-hidden">{mistakes.length > 0 ? "has mistakes" : "has warnings"}</span>
          </span>
        )}
        {rule.reason && <span class="meta truncate policy-rule-reason">{rule.reason}</span>}
      </button>
      <div id={body} hidden={!open}>
        {open && <RuleBody {...props} />}
      </div>
    </li>
  );
}

function RuleBody({ rule, number, count, set, move, duplicate, remove, mistakes, warnings }: Props) {
  const of = (field: string): PolicyNote[] => mistakes.filter((note) => note.field === field);
  return (
    <div class="policy-rule-body">
      <NoteLines notes={mistakes.filter((note) => !KNOWN.includes(note.field))} />
      <NoteLines notes={warnings} warm />
      <div class="policy-row">
        <Choice label="Action" value={rule.action} choose={(action) => set({ action })} options={ACTIONS} />
        <Choice
          label="What the rule is about"
          value={rule.about}
          choose={(about) => set({ about })}
          options={[
            ["command", "Commands"],
            ["fields", "Other tools"],
          ]}
        />
      </div>
      <LinesField
        label="Tools"
        help={rule.about === "command" ? "empty: shells" : `${ONE_A_LINE}; * means every tool`}
        notes={of("tool")}
        value={rule.tool}
        set={(tool) => set({ tool })}
      />
      {rule.about === "command" && <CommandFields rule={rule} set={set} of={of} />}
      {(rule.about === "fields" || rule.args.length > 0) && (
        <Pairs
          label="Arguments"
          help='patterns for a field, one a line; "" is an empty one'
          notes={of("args")}
          pairs={rule.args}
          set={(args) => set({ args })}
          add="Add argument"
        />
      )}
      {(rule.about === "fields" || rule.paths !== "") && (
        <LinesField
          label="Paths"
          help={`deny and ask only; ${ONE_A_LINE}`}
          notes={of("paths")}
          value={rule.paths}
          set={(paths) => set({ paths })}
        />
      )}
      <div class="policy-columns">
        <LinesField
          label="Directory"
          help="empty: any"
          notes={of("cwd")}
          value={rule.cwd}
          set={(cwd) => set({ cwd })}
        />
        <LinesField
          label="Sessions"
          help="empty: all"
          notes={of("session")}
          value={rule.session}
          set={(session) => set({ session })}
        />
        <LinesField
          label="Providers"
          help="empty: all"
          notes={of("provider")}
          value={rule.provider}
          set={(provider) => set({ provider })}
        />
      </div>
      <TextField
        label="Reason"
        help="the agent reads it when it is denied"
        notes={of("reason")}
        value={rule.reason}
        set={(reason) => set({ reason })}
      />
      <Examples
        label="Has to match"
        notes={of("match")}
        list={rule.matches}
        about={rule.about}
        set={(matches) => set({ matches })}
      />
      <Examples
        label="Must not match"
        notes={of("not_match")}
        list={rule.notMatches}
        about={rule.about}
        set={(notMatches) => set({ notMatches })}
      />
      <div class="policy-rule-foot">
        <button type="button" class="button" disabled={number === 1} onClick={() => move(number - 2)}>
          <Icon name="up" size={14} />
          Move up
        </button>
        <button type="button" class="button" disabled={number === count} onClick={() => move(number)}>
          <Icon name="down" size={14} />
          Move down
        </button>
        <button type="button" class="button" onClick={duplicate}>
          <Icon name="copy" size={14} />
          Duplicate
        </button>
        <button type="button" class="button" onClick={remove}>
          <Icon name="trash" size={14} />
          Remove
        </button>
      </div>
    </div>
  );
}

function CommandFields({
  rule,
  set,
  of,
}: {
  rule: RuleDraft;
  set: (part: Partial<RuleDraft>) => void;
  of: (field: string) => PolicyNote[];
}) {
  const words = rule.words ?? [];
  const change = (list: RuleDraft["words"]): void => set({ words: list?.length ? list : null });
  const none = rule.action === "allow" ? "No words: the program runs without any." : "No words: whatever they are.";
  return (
    <>
      <LinesField
        label="Program"
        help={`${ONE_A_LINE}; one of them`}
        notes={of("program")}
        value={rule.program}
        set={(program) => set({ program })}
      />
      <fieldset class="policy-group">
        <legend class="label">
          Words <span class="meta">in their order; alternatives one a line</span>
        </legend>
        {words.length === 0 && <p class="meta">{none}</p>}
        {words.map((word, at) => (
          <div key={word.key} class="policy-entry">
            <LinesField
              label={`Word ${at + 1}`}
              value={word.alternatives}
              set={(alternatives) => change(words.map((each) => (each === word ? { ...each, alternatives } : each)))}
            />
            <RemoveButton what={`word ${at + 1}`} remove={() => change(words.filter((each) => each !== word))} />
          </div>
        ))}
        <NoteLines notes={of("words")} />
        <AddButton words="Add word" add={() => change([...words, { key: nextKey(), alternatives: "" }])} />
      </fieldset>
      <LinesField
        label="Options"
        help={`${ONE_A_LINE}; no others are ${rule.action === "allow" ? "allowed" : "looked at"}`}
        notes={of("options")}
        value={rule.options}
        set={(options) => set({ options })}
      />
    </>
  );
}

function Examples({
  label,
  notes,
  list,
  about,
  set,
}: {
  label: string;
  notes: readonly PolicyNote[];
  list: readonly ExampleDraft[];
  about: RuleDraft["about"];
  set: (list: readonly ExampleDraft[]) => void;
}) {
  const change = (at: number, part: Partial<ExampleDraft>): void =>
    set(list.map((each, other) => (other === at ? { ...each, ...part } : each)));
  const add = (fields: ExampleDraft["fields"]): void => set([...list, { key: nextKey(), text: "", fields }]);
  return (
    <fieldset class="policy-group">
      <legend class="label">
        {label} <span class="meta">examples, checked when the policy is saved</span>
      </legend>
      {list.map(({ key, text, fields }, at) => (
        <div key={key} class="policy-entry">
          {fields ? (
            <Pairs
              label={`Example ${at + 1}`}
              pairs={fields}
              set={(next) => change(at, { fields: next })}
              add="Add field"
            />
          ) : (
            <LinesField label={`Example ${at + 1}`} value={text} set={(next) => change(at, { text: next })} />
          )}
          <RemoveButton what={`example ${at + 1}`} remove={() => set(list.filter((each) => each.key !== key))} />
        </div>
      ))}
      <NoteLines notes={notes} />
      <div class="policy-row">
        <AddButton words="Add example" add={() => add(null)} />
        {about === "fields" && (
          <AddButton words="Add example with fields" add={() => add([{ key: nextKey(), name: "", value: "" }])} />
        )}
      </div>
    </fieldset>
  );
}
