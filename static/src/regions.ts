// F6 and ⇧F6 go round the parts of the page.

/** Outer parts before the inner ones that they hold. */
const PARTS = ".rail, main.page, .stage, .tool-bar, .bottom-bar";
const FOCUSABLE = "a[href], button:not(:disabled), input:not(:disabled), textarea, select, [tabindex='0']";

const isShown = (element: Element): boolean => element.getClientRects().length > 0;

function focus(part: Element): boolean {
  // The page itself, and what a terminal types into.
  const first = part.matches("main")
    ? part
    : (part.querySelector(".past[data-open]") ??
      part.querySelector("textarea.xterm-helper-textarea") ??
      [...part.querySelectorAll(FOCUSABLE)].find(isShown));
  if (!(first instanceof HTMLElement)) return false;
  first.focus();
  return document.activeElement === first;
}

/** To the next part, or to the one before it. */
export function goRound(step: 1 | -1): void {
  const parts = [...document.querySelectorAll(PARTS)].filter(isShown);
  const inside = parts.map((part) => part.contains(document.activeElement)).lastIndexOf(true);
  const from = inside >= 0 ? inside : step > 0 ? -1 : 0;
  for (let tries = 1; tries <= parts.length; tries++) {
    const part = parts[(from + step * tries + parts.length * 2) % parts.length];
    if (part && focus(part)) return;
  }
}
