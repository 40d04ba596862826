// What a pointer, fingers and the clipboard do over a terminal.

import { signal, type Signal } from "@preact/signals";
import { beginPinch, keepLetters, pinched, type Pinch } from "../terminal/pinch";
import { hasMouse } from "../terminal/screen";
import type { TerminalModel } from "./terminal_model";

/** A finger goes down by so much before it scrolls, in px. */
const DRAG = 24;

export interface Gestures {
  /** Something is held over the terminal. */
  dropping: Signal<boolean>;
  /** The element's handlers. */
  on: {
    onWheelCapture: (event: WheelEvent) => void;
    onPasteCapture: (event: ClipboardEvent) => void;
    onDragOver: (event: DragEvent) => void;
    onDragLeave: () => void;
    onDrop: (event: DragEvent) => void;
    onTouchStart: (event: TouchEvent) => void;
    onTouchMove: (event: TouchEvent) => void;
  };
}

export function gestures(view: TerminalModel): Gestures {
  const dropping = signal(false);
  const isLive = (): boolean => view.past.mode.value === "live";
  let pinch: Pinch | null = null;
  let touch: { x: number; y: number } | null = null;

  const onWheelCapture = (event: WheelEvent): void => {
    if (!isLive() || event.deltaY >= 0 || event.ctrlKey || !view.screen) return;
    if (hasMouse(view.screen.terminal) && !event.shiftKey) return;
    const line = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 1 : view.rowHeight();
    view.past.scrollBack(Math.max(3, Math.round(-event.deltaY / line)));
  };
  const onPasteCapture = (event: ClipboardEvent): void => {
    const files = [...(event.clipboardData?.files ?? [])];
    // The search field pastes by itself.
    if (files.length === 0 && !(event.target as Element).closest(".xterm")) return;
    event.preventDefault();
    event.stopPropagation();
    void view.give(files, event.clipboardData?.getData("text/plain"));
  };
  const onDrop = (event: DragEvent): void => {
    event.preventDefault();
    dropping.value = false;
    const files = [...(event.dataTransfer?.files ?? [])];
    const text = event.dataTransfer?.getData("text/plain");
    if (files.length > 0 || text) void view.give(files, text);
  };
  const onTouchStart = (event: TouchEvent): void => {
    const [finger] = event.touches;
    touch = finger && event.touches.length === 1 ? { x: finger.clientX, y: finger.clientY } : null;
    pinch = beginPinch(event.touches, view.letters.value);
  };
  const onTouchMove = (event: TouchEvent): void => {
    if (pinch && event.touches.length === 2) {
      view.whole.value = false;
      view.letters.value = pinched(pinch, event.touches);
      return keepLetters(view.session.id, view.letters.value);
    }
    const [finger] = event.touches;
    if (!finger || !touch || !isLive()) return;
    view.followsCursor = false;
    const down = finger.clientY - touch.y;
    // What of the screen is above is seen first.
    if (view.isScrolled()) return;
    if (down <= DRAG || down <= 2 * Math.abs(finger.clientX - touch.x)) return;
    touch = null;
    view.past.scrollBack(Math.round(down / view.rowHeight()));
  };
  return {
    dropping,
    on: {
      onWheelCapture,
      onPasteCapture,
      onDragOver: (event) => {
        event.preventDefault();
        dropping.value = true;
      },
      onDragLeave: () => (dropping.value = false),
      onDrop,
      onTouchStart,
      onTouchMove,
    },
  };
}
