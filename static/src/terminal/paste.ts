// The one way in for pasted text.

/** Controls but tab and line ends: none of them can be seen in what was copied, and one could end the paste. */
const CONTROLS = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g;

/** What may be pasted of a text: it is text, and presses no key. */
export function pasteable(text: string): string {
  return text.replace(CONTROLS, "");
}
