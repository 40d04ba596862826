// What turns while something works, in steps. An animation in CSS makes the browser draw every frame, and a typed letter waits for
// the next one: 22 ms from the key to the paint instead of 7 (`make paint`).

import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** In ms, and in degrees. */
const STEP = { every: 250, by: 30 };
/** It stands still so long after a key, in ms: a step is a frame, too. */
const TYPING = 500;

const turning = new Set<SVGElement>();
const still = matchMedia("(prefers-reduced-motion: reduce)");
let timer: ReturnType<typeof setInterval> | undefined;
let angle = 0;
let typed = -TYPING;
addEventListener("keydown", () => (typed = performance.now()), { capture: true, passive: true });

function step(): void {
  if (document.hidden || still.matches || performance.now() - typed < TYPING) return;
  angle = (angle + STEP.by) % 360;
  for (const element of turning) element.style.transform = `rotate(${angle}deg)`;
}

/** For an element that turns as long as it is there. */
export function useTurning<E extends SVGElement>(): RefObject<E | null> {
  const ref = useRef<E>(null);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    turning.add(element);
    timer ??= setInterval(step, STEP.every);
    return () => {
      turning.delete(element);
      if (turning.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    };
  }, []);
  return ref;
}
