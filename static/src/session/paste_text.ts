// A text that is pasted into a terminal.

import type { Terminal } from "@xterm/xterm";
import { toast } from "../toasts";
import { isRisky, pasteable } from "../terminal/paste";

/** Pastes it; asks first where the program would take it for typing, and it is long or has several lines. */
export function pasteText(terminal: Terminal, pasted: string): void {
  const text = pasteable(pasted);
  if (text === "") return;
  const paste = (): void => terminal.paste(text);
  if (terminal.modes.bracketedPasteMode || !isRisky(text)) return paste();
  void import("./paste_question").then(
    ({ askToPaste }) => askToPaste(text, paste),
    () => toast({ text: "Not sent: no connection.", bad: true }),
  );
}
