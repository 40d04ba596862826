import type { Signal } from "@preact/signals";
import { toast } from "../toasts";
import { copyText } from "../ui/copy";
import { count } from "../words";

/** Asks before a program writes to the clipboard; null is: none wants to. */
export function Consent({ wanted, allow }: { wanted: Signal<string | null>; allow: () => void }) {
  const text = wanted.value;
  if (text === null) return null;
  const copy = (): void => {
    void writeClip(text);
    wanted.value = null;
  };
  return (
    <div class="consent" role="alertdialog" aria-label="Clipboard">
      <span>The program wants to copy {count([...text].length, "character")} to your clipboard.</span>
      <button class="button primary" onClick={copy}>
        Copy
      </button>
      <button
        class="button"
        onClick={() => {
          allow();
          copy();
        }}
      >
        Always for this session
      </button>
      <button class="button ghost" onClick={() => (wanted.value = null)}>
        Deny
      </button>
    </div>
  );
}

export async function writeClip(text: string): Promise<void> {
  if (await copyText(text)) toast({ text: `The program copied ${count([...text].length, "character")}.` });
}
