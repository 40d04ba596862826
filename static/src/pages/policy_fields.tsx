// The controls of a policy's form.

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { PolicyNote } from "../wire";
import { Icon } from "../ui/icon";
import { nextKey, type Pair } from "./policy_draft";

type Notes = readonly PolicyNote[] | undefined;

/** What a control takes from its field. */
interface Described {
  id: string;
  "aria-invalid": boolean;
  "aria-describedby": string | undefined;
}

/** The most lines that a list shows at once. */
const TALLEST = 10;

export function NoteLines({ id, notes, warm }: { id?: string | undefined; notes: Notes; warm?: boolean }) {
  if (!notes?.length) return null;
  return (
    <div id={id} class={`policy-notes ${warm ? "tone-warm" : "tone-bad"}`}>
      {notes.map(({ message }) => (
        <p key={message}>
          <Icon name="warning" size={14} />
          <span>{message}</span>
        </p>
      ))}
    </div>
  );
}

export function Field({
  label,
  help,
  notes,
  children,
}: {
  label: string;
  help?: string | undefined;
  notes?: Notes;
  children: (described: Described) => ComponentChildren;
}) {
  const id = useId();
  const wrong = (notes?.length ?? 0) > 0;
  const described = [help && `${id}-help`, wrong && `${id}-notes`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <div class="label">
        <label for={id}>{label}</label>
        {help && (
          <span id={`${id}-help`} class="meta">
            {help}
          </span>
        )}
      </div>
      {children({ id, "aria-invalid": wrong, "aria-describedby": described || undefined })}
      <NoteLines id={`${id}-notes`} notes={notes} />
    </div>
  );
}

interface TextProps {
  label: string;
  help?: string | undefined;
  notes?: Notes;
  value: string;
  set: (value: string) => void;
  mono?: boolean;
  readOnly?: boolean;
}

const PLAIN = { spellcheck: false, autocapitalize: "off", autocomplete: "off" } as const;

export function TextField({ label, help, notes, value, set, mono, readOnly }: TextProps) {
  return (
    <Field label={label} help={help} notes={notes}>
      {(described) => (
        <input
          {...described}
          {...(mono ? PLAIN : {})}
          class={mono ? "input mono" : "input"}
          value={value}
          readOnly={readOnly}
          onInput={(event) => set(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

/** A text of several lines, or a list with one entry a line. */
export function LinesField({ label, help, notes, value, set, mono = true }: TextProps) {
  return (
    <Field label={label} help={help} notes={notes}>
      {(described) => (
        <textarea
          {...described}
          {...(mono ? PLAIN : {})}
          class={mono ? "input mono" : "input"}
          rows={Math.min(value.split("\n").length, TALLEST)}
          value={value}
          onInput={(event) => set(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

/** Names with their values. */
export function Pairs({
  label,
  help,
  notes,
  pairs,
  set,
  add,
}: {
  label: string;
  help?: string | undefined;
  notes?: Notes;
  pairs: readonly Pair[];
  set: (pairs: readonly Pair[]) => void;
  /** The words of the button that adds one. */
  add: string;
}) {
  const change = (at: number, part: Partial<Pair>): void =>
    set(pairs.map((pair, other) => (other === at ? { ...pair, ...part } : pair)));
  return (
    <fieldset class="policy-group">
      <legend class="label">
        {label} {help && <span class="meta">{help}</span>}
      </legend>
      {pairs.map((pair, at) => (
        <div key={pair.key} class="policy-pair">
          <TextField label={`Field ${at + 1}`} mono value={pair.name} set={(name) => change(at, { name })} />
          <LinesField label={`Value ${at + 1}`} value={pair.value} set={(value) => change(at, { value })} />
          <RemoveButton what={`field ${at + 1}`} remove={() => set(pairs.filter((other) => other.key !== pair.key))} />
        </div>
      ))}
      <NoteLines notes={notes} />
      <AddButton words={add} add={() => set([...pairs, { key: nextKey(), name: "", value: "" }])} />
    </fieldset>
  );
}

export function AddButton({ words, add }: { words: string; add: () => void }) {
  return (
    <button type="button" class="button ghost" onClick={add}>
      <Icon name="plus" size={14} />
      {words}
    </button>
  );
}

export function RemoveButton({ what, remove }: { what: string; remove: () => void }) {
  return (
    <button type="button" class="button ghost icon" aria-label={`Remove ${what}`} onClick={remove}>
      <Icon name="close" />
    </button>
  );
}
