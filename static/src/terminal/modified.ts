// Keys with modifiers, for programs that asked to be told of them: xterm.js knows neither way of asking.
//
// The kitty keyboard protocol (https://sw.kovidgoyal.net/kitty/keyboard-protocol) and xterm's modifyOtherKeys. Both
// are answered as tmux 3.3a does for the keys of a terminal that is attached: `CSI code ; modifiers u`.

import type { Terminal } from "@xterm/xterm";

/** What a program asked for. */
export interface Asked {
  /** Flags of the kitty keyboard protocol on the screen that is shown. */
  kitty: number;
  /** xterm's modifyOtherKeys, 0 to 3. */
  others: number;
}

const DISAMBIGUATE = 1;
const ALL_AS_ESCAPES = 8;
const WITH_TEXT = 16;
/** The protocol asks for a limit. */
const DEPTH = 16;

interface Flags {
  now: number;
  before: number[];
}

/** Follows what is asked for in the output. */
export function followAsked(terminal: Terminal): () => Asked {
  let others = 0;
  let screens: { main: Flags; alternate: Flags };
  const reset = (): boolean => {
    others = 0;
    screens = { main: { now: 0, before: [] }, alternate: { now: 0, before: [] } };
    return false;
  };
  reset();
  const flags = (): Flags => (terminal.buffer.active.type === "alternate" ? screens.alternate : screens.main);
  const number = (param: number | number[] | undefined, otherwise: number): number =>
    typeof param === "number" ? param : otherwise;
  const { parser } = terminal;
  parser.registerEscHandler({ final: "c" }, reset);
  parser.registerCsiHandler({ prefix: ">", final: "u" }, ([asked]) => {
    const own = flags();
    own.before.push(own.now);
    if (own.before.length > DEPTH) own.before.shift();
    own.now = number(asked, 0);
    return true;
  });
  parser.registerCsiHandler({ prefix: "<", final: "u" }, ([times]) => {
    const own = flags();
    for (let left = Math.min(Math.max(1, number(times, 1)), DEPTH + 1); left > 0; left--)
      own.now = own.before.pop() ?? 0;
    return true;
  });
  parser.registerCsiHandler({ prefix: "=", final: "u" }, ([asked, how]) => {
    const own = flags();
    const given = number(asked, 0);
    const ways: Record<number, number> = { 1: given, 2: own.now | given, 3: own.now & ~given };
    own.now = ways[number(how, 1) || 1] ?? own.now;
    return true;
  });
  parser.registerCsiHandler({ prefix: ">", final: "m" }, ([resource, level]) => {
    if (resource === 0 || resource === undefined) others = 0;
    if (resource === 4) others = number(level, 0);
    return true;
  });
  parser.registerCsiHandler({ prefix: ">", final: "n" }, ([resource]) => {
    if (resource === 4) others = 0;
    return true;
  });
  return () => ({ kitty: flags().now, others });
}

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
  if ((asked.kitty === 0 && asked.others === 0) || event.metaKey || composes(event, optionComposes)) return null;
  const { shiftKey, altKey, ctrlKey, key } = event;
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
