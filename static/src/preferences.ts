// What this browser prefers for its terminals; kept here, not at the daemon.

import { signal, type Signal } from "@preact/signals";
import { onTheme, theme, type Theme } from "./theme";

export function kept<T extends string>(name: string, values: readonly T[], first: T): Signal<T> {
  const key = `codepiper.${name}`;
  const stored = localStorage.getItem(key) as T | null;
  const value = signal<T>(stored !== null && values.includes(stored) ? stored : first);
  value.subscribe((chosen) => {
    if (chosen === first) localStorage.removeItem(key);
    else localStorage.setItem(key, chosen);
  });
  return value;
}

export const SWITCH = ["on", "off"] as const;

export const terminalTheme = kept("terminal.theme", ["follow", "dark", "light"] as const, "follow");
/** Lets every colour have at least this contrast on its ground. */
export const contrast = kept("terminal.contrast", SWITCH, "on");
/** Of a terminal's letters, in px; a phone has its own for each session. */
export const letterSize = signal(+(localStorage.getItem("codepiper.letter-size") ?? 13));
/** Terminal output is announced. */
export const screenReader = kept("terminal.reader", SWITCH, "off");
/** Whether programs may write to the clipboard. */
export const clipboard = kept("terminal.clipboard", ["ask", "allow", "refuse"] as const, "ask");
/** What Option does on a Mac: it composes characters, as in other programs, or it is Alt. */
export const option = kept("terminal.option", ["compose", "meta"] as const, "compose");
/** Alt with a key goes to the program, also where it is ours. */
export const keepAlt = kept("terminal.alt", SWITCH, "off");

/** The theme as signals. */
export const chosenTheme = signal<Theme>(theme.chosen);
export const shownTheme = signal<"light" | "dark">(theme.shown);
onTheme(() => {
  chosenTheme.value = theme.chosen;
  shownTheme.value = theme.shown;
});
