// Forms that are filled in often, kept in this browser under a name.

import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { Icon } from "../ui/icon";
import type { Draft } from "./create_draft";

const KEY = "codepiper.templates";

interface Template {
  name: string;
  draft: Draft;
}

const templates = signal<readonly Template[]>(kept());

function kept(): readonly Template[] {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]") as Template[];
  } catch {
    return [];
  }
}

function keep(all: readonly Template[]): void {
  templates.value = all;
  localStorage.setItem(KEY, JSON.stringify(all));
}

export function TemplatePicker({ choose }: { choose: (draft: Draft) => void }) {
  const [name, setName] = useState("");
  if (templates.value.length === 0) return null;
  const others = templates.value.filter((template) => template.name !== name);
  return (
    <div class="field">
      <label for="session-template">Template</label>
      <div class="template-row">
        <select
          id="session-template"
          class="select"
          value={name}
          onChange={(event) => {
            const chosen = templates.value.find((template) => template.name === event.currentTarget.value);
            setName(chosen?.name ?? "");
            if (chosen) choose(chosen.draft);
          }}
        >
          <option value="">None</option>
          {templates.value.map((template) => (
            <option key={template.name} value={template.name}>
              {template.name}
            </option>
          ))}
        </select>
        {name !== "" && (
          <button
            type="button"
            class="button ghost icon"
            aria-label={`Delete the template ${name}`}
            onClick={() => {
              keep(others);
              setName("");
            }}
          >
            <Icon name="trash" size={14} />
          </button>
        )}
      </div>
    </div>
  );
}

/** Keeps all but the name of the session; a template of the same name is replaced. */
export function TemplateFoot({ draft, close }: { draft: Draft; close: () => void }) {
  const [name, setName] = useState("");
  const save = (): void => {
    if (name.trim() === "") return;
    const others = templates.value.filter((template) => template.name !== name.trim());
    keep([...others, { name: name.trim(), draft: { ...draft, name: "" } }].sort((a, b) => (a.name < b.name ? -1 : 1)));
    close();
  };
  return (
    <>
      <input
        class="input grow"
        aria-label="Name of the template"
        placeholder="Name of the template"
        autocomplete="off"
        ref={(field) => field?.focus()}
        value={name}
        onInput={(event) => setName(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          save();
        }}
      />
      <button type="button" class="button" onClick={close}>
        Cancel
      </button>
      <button type="button" class="button primary" disabled={name.trim() === ""} onClick={save}>
        Save template
      </button>
    </>
  );
}
