// What the keys do that are pressed in a terminal.

import { keepAlt, option } from "../preferences";
import type { Asked } from "../terminal/asked";
import { modifiedKey } from "../terminal/modified";
import { isOfPage } from "../shortcuts";
import { command, isMac, isPaste } from "../ui/keys";
import type { TerminalModel } from "./terminal_model";

/** False: it is done. True: the program gets it as xterm.js sends it. */
export function pressed(event: KeyboardEvent, asked: Asked, view: TerminalModel): boolean {
  const done = (run: () => void): false => {
    event.preventDefault();
    event.stopPropagation();
    run();
    return false;
  };
  const { past } = view;
  if (past.typed !== null && !event.ctrlKey && !event.altKey && !event.metaKey) {
    if (event.key === "Escape") return done(past.toLive);
    const letter = [...event.key].length === 1 ? event.key : "";
    return done(() => (past.typed += letter));
  }
  const ours = ownKey(event, view);
  if (ours === "page") return false;
  if (ours !== null) return done(ours);
  const key = modifiedKey(event, asked, isMac && option.value === "compose");
  return key === null || done(() => view.type(new TextEncoder().encode(key)));
}

/** Copies where something is selected; else it interrupts. */
function isCopy(event: KeyboardEvent): boolean {
  return command(event) && event.code === "KeyC" && !(isMac && event.shiftKey);
}

/** What a key of ours does; `page`: it is the page's or the browser's; null: it is the program's. */
function ownKey(event: KeyboardEvent, view: TerminalModel): (() => void) | "page" | null {
  const { past, screen, leave } = view;
  const shift = event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey;
  if (shift && event.key === "PageUp") return () => past.scrollBack(screen?.terminal.rows ?? 24);
  if (shift && (event.key === "PageDown" || event.key === "End")) return past.toLive;
  if (keepAlt.value === "off" ? event.altKey && event.key === "Escape" : event.key === "F6") return leave;
  if (isOfPage(event)) return "page";
  if (isCopy(event) && screen?.terminal.hasSelection()) {
    return () => {
      view.copy(screen.terminal.getSelection());
      screen.terminal.clearSelection();
    };
  }
  // The browser pastes.
  if (isPaste(event)) return "page";
  if (!command(event) || event.shiftKey === isMac) return null;
  switch (event.code) {
    case "KeyF":
      return past.search;
    // Nothing is selected, and the browser's own meaning of it would be in the way.
    case "KeyC":
      return isMac ? null : () => undefined;
    default:
      return null;
  }
}
