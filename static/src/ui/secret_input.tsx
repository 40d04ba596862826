import type { RefObject } from "preact";
import { useState } from "preact/hooks";
import { focusFirst } from "./first_focus";
import { Icon } from "./icon";

interface Props {
  id: string;
  value: string;
  onInput: (value: string) => void;
  autocomplete: "current-password" | "new-password";
  describedBy?: string;
  invalid?: boolean;
  first?: boolean;
  field?: RefObject<HTMLInputElement | null>;
}

/** A password that can be shown. */
export function SecretInput({ id, value, onInput, autocomplete, describedBy, invalid, first, field }: Props) {
  const [shown, setShown] = useState(false);
  return (
    <div class="secret-field">
      <input
        id={id}
        class="input large"
        {...(shown ? { type: "text" as const } : { type: "password" as const })}
        autocomplete={autocomplete}
        ref={field ?? (first ? focusFirst : null)}
        data-first={first ? "" : undefined}
        spellcheck={false}
        autocapitalize="off"
        value={value}
        aria-describedby={describedBy}
        aria-invalid={invalid}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      <button
        type="button"
        class="button ghost icon"
        aria-label="Show the password"
        aria-pressed={shown}
        onClick={() => setShown(!shown)}
      >
        <Icon name="eye" />
      </button>
    </div>
  );
}
