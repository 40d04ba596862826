// Keys that are not typed on a keyboard: of the key strip.

export type Special =
  "escape" | "tab" | "backtab" | "enter" | "up" | "down" | "left" | "right" | "home" | "end" | "pageup" | "pagedown";

const LETTERS: Partial<Record<Special, string>> = { up: "A", down: "B", right: "C", left: "D", home: "H", end: "F" };
const PLAIN: Partial<Record<Special, string>> = {
  escape: "\x1b",
  tab: "\t",
  backtab: "\x1b[Z",
  enter: "\r",
  pageup: "\x1b[5~",
  pagedown: "\x1b[6~",
};

/** What a key sends; `application`: the program asked for application cursor keys. */
export function keyBytes(key: Special, ctrl: boolean, application: boolean): string {
  const letter = LETTERS[key];
  if (letter) return ctrl ? `\x1b[1;5${letter}` : `\x1b${application ? "O" : "["}${letter}`;
  return PLAIN[key] ?? "";
}

/** A character with Ctrl held; itself when there is no such control character. */
export function withCtrl(character: string): string {
  if (character === " " || character === "@") return "\0";
  const code = character.toUpperCase().charCodeAt(0);
  return character.length === 1 && code >= 0x41 && code <= 0x5f ? String.fromCharCode(code - 0x40) : character;
}
