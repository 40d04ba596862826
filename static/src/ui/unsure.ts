// What may not have arrived when the connection was lost.

import type { Typed } from "../connection";
import { toast } from "../toasts";
import { visible } from "../words";

/** So much of it is shown, in letters. */
const SHOWN = 40;

/** What was typed, as one line; without what the terminal says by itself, of its focus and the mouse. */
export const visibleKeys = (typed: string): string =>
  visible(typed.replace(/\x1b\[([IO]|<[\d;]+m)/gi, "").replaceAll("\r", "↵"));

/** Nothing is sent again by itself: it may have arrived, and only the proof was lost. */
export function unsure(typed: readonly Typed[]): void {
  const decoder = new TextDecoder();
  const text = (shown: readonly Typed[]): string =>
    visibleKeys(shown.map(([, bytes]) => decoder.decode(bytes)).join(""));
  if (!text(typed)) return;
  const keys = text(typed.filter(([, , secret]) => !secret));
  const hidden = typed.some(([, , secret]) => secret);
  toast({
    text: `May not have arrived: ${keys.slice(0, SHOWN)}${hidden ? " (a secret)" : keys[SHOWN] ? "…" : ""}`,
    bad: true,
    action: {
      label: "Send again",
      run: () => {
        const left = typed.filter(([into, bytes, secret]) => !into.type(bytes, secret));
        if (left.length > 0) unsure(left);
      },
    },
  });
}
