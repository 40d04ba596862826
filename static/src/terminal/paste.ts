// The one way in for pasted text.

/** Controls but tab and line ends: none of them can be seen in what was copied, and one could end the paste. */
const CONTROLS = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g;

/** What may be pasted of a text: it is text, and presses no key. */
export function pasteable(text: string): string {
  return text.replace(CONTROLS, "");
}

/** Longer ones are pasted by mistake, most likely; in UTF-16 units. */
const LONG = 100 * 1024;

/** The lines of a text; what ends the last one begins no other. */
export function linesOf(text: string): string[] {
  const lines = text.split(/\r\n?|\n/);
  return lines.length > 1 && lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

/** Whether a program that does not know of pastes would do more with it than with one line that is typed. */
export function isRisky(text: string): boolean {
  return text.length > LONG || linesOf(text).length > 1;
}
