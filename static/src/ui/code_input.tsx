import type { RefObject } from "preact";
import { focusFirst } from "./first_focus";

interface Props {
  id: string;
  value: string;
  onInput: (code: string) => void;
  /** Called with six digits. */
  onComplete?: (code: string) => void;
  describedBy?: string;
  invalid?: boolean;
  first?: boolean;
  field?: RefObject<HTMLInputElement | null>;
}

/** Six digits from an authenticator; one field, so that pasting and autofill work. */
export function CodeInput({ id, value, onInput, onComplete, describedBy, invalid, first, field }: Props) {
  return (
    <input
      id={id}
      class="input mono code-input"
      inputMode="numeric"
      autocomplete="one-time-code"
      maxLength={7}
      ref={field ?? (first ? focusFirst : null)}
      data-first={first ? "" : undefined}
      value={value}
      aria-describedby={describedBy}
      aria-invalid={invalid}
      onInput={(event) => {
        const code = event.currentTarget.value.replace(/\D/g, "").slice(0, 6);
        event.currentTarget.value = code;
        onInput(code);
        if (code.length === 6 && code !== value) onComplete?.(code);
      }}
    />
  );
}
