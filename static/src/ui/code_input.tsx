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
}

/** Six digits from an authenticator; one field, so that pasting and autofill work. */
export function CodeInput({ id, value, onInput, onComplete, describedBy, invalid, first }: Props) {
  return (
    <input
      id={id}
      class="input mono code-input"
      inputMode="numeric"
      autocomplete="one-time-code"
      maxLength={7}
      ref={first ? focusFirst : null}
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
