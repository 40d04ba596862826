// What a finger needs at a terminal, in one file to load: a desk does not load it.

import "../styles/touch.css";
import { useEffect } from "preact/hooks";
import { coarse } from "../terminal/fit";
import type { Session } from "../wire";
import { isLive, isWaiting } from "../words";
import { KeyStrip } from "./key_strip";
import type { TerminalModel } from "./terminal_model";
import { TouchSelection } from "./touch_selection";

/** In a window so low, in px, what is around a terminal has one line: most likely a soft keyboard is open. */
const LOW = 500;

export function Touch({ view, session }: { view: TerminalModel; session: Session }) {
  useEffect(followKeyboard, []);
  return (
    <>
      {isLive(session) && view.strip.value && <KeyStrip view={view} waits={isWaiting(session)} />}
      <TouchSelection view={view} />
    </>
  );
}

/** Tells the style sheets of a low window, until the answer is called. */
function followKeyboard(): (() => void) | void {
  const seen = coarse() ? visualViewport : null;
  if (!seen) return;
  const root = document.documentElement;
  const forget = (): void => {
    root.removeAttribute("data-low");
    root.style.removeProperty("--seen");
  };
  const look = (): void => {
    // Who zooms sees less, and the window is as high as before.
    if (seen.scale !== 1) return;
    forget();
    root.toggleAttribute("data-low", seen.height < LOW);
    // On iOS the keyboard lies over the page, which is as high as before.
    if (root.clientHeight - seen.height > 1) root.style.setProperty("--seen", `${seen.height}px`);
  };
  look();
  seen.addEventListener("resize", look);
  return () => {
    seen.removeEventListener("resize", look);
    forget();
  };
}
