// Keys with modifiers, for programs that asked to be told of them: answered as tmux 3.3a does for the keys of a terminal
// that is attached, `CSI code ; modifiers u`.

import type { Asked } from "./asked";

const DISAMBIGUATE = 1;
const ALL_AS_ESCAPES = 8;
const WITH_TEXT = 16;

const FUNCTIONAL: Readonly<Record<string, number>> = { Enter: 13, Tab: 9, Backspace: 127, Escape: 27 };

/** Whether a key composes: a dead key, an input method, AltGr, Option on a Mac. */
function composes(event: KeyboardEvent, optionComposes: boolean): boolean {
  if (event.isComposing || event.keyCode === 229) return true;
  const character = [...event.key].length === 1;
  if (!character) return ["Dead", "Process", "Unidentified", "Compose"].includes(event.key);
  return event.getModifierState("AltGraph") || (optionComposes && event.altKey && !event.ctrlKey);
}

/** What a program gets for a key that would say too little as xterm.js sends it; null for all others. */
export function modifiedKey(event: KeyboardEvent, asked: Asked, optionComposes: boolean): string | null {
  if (event.metaKey || composes(event, optionComposes)) return null;
  const { shiftKey, altKey, ctrlKey, key } = event;
  // Its control character is the one that xterm.js does not know.
  if (asked.kitty === 0 && asked.others === 0) return ctrlKey && !altKey && key === "/" ? "\x1f" : null;
  const modifiers = (shiftKey ? 1 : 0) + (altKey ? 2 : 0) + (ctrlKey ? 4 : 0);
  const kitty = (asked.kitty & (DISAMBIGUATE | ALL_AS_ESCAPES)) !== 0;
  const all = (asked.kitty & ALL_AS_ESCAPES) !== 0;
  const as = (code: number, text = ""): string => {
    const last =
      text !== "" && (asked.kitty & WITH_TEXT) !== 0
        ? `;${[...text].map((letter) => letter.codePointAt(0)).join(":")}`
        : "";
    return `\x1b[${code}${modifiers > 0 || last !== "" ? `;${modifiers + 1}` : ""}${last}u`;
  };
  const functional = FUNCTIONAL[key];
  if (functional !== undefined) {
    if (key === "Escape" && kitty) return as(functional);
    if (modifiers === 0) return all ? as(functional) : null;
    if (kitty) return as(functional);
    // As they have always been: Shift+Tab, and Alt before Tab, Backspace and Escape.
    if (modifiers === 2 && key !== "Enter") return null;
    if (modifiers === 1 && key !== "Enter") return null;
    return as(functional);
  }
  if ([...key].length !== 1) return null;
  // The key without Shift: of letters it is known whatever the layout is.
  const code = key.toLowerCase().codePointAt(0) ?? 0;
  const writes = !ctrlKey && !altKey;
  if (writes) return all ? as(code, key) : null;
  if (kitty) return as(code);
  // Alt is ESC before the key, and Ctrl with a letter a control character, unless that is another key's.
  if (!ctrlKey) return null;
  const plain = !altKey && !shiftKey && /^[a-z@[\\\]^_ ?]$/.test(key) && (asked.others < 2 || !/^[im[]$/.test(key));
  return plain || (altKey && !shiftKey && /^[a-z]$/.test(key)) ? null : as(code);
}
