// A finger that rests on the live screen selects the word under it, and more as it moves on; lifted, it leaves a button to copy.

import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type Cells, wordAt } from "../terminal/words_at";
import { Icon } from "../ui/icon";
import type { TerminalModel } from "./terminal_model";

/** A finger rests when it moved less than so many px for so many ms. */
const STILL = 10;
const REST = 500;
/** As near to an edge, in px, what is beyond it comes into view. */
const EDGE = 24;
/** What the button needs beside the selection, in px. */
const BUTTON = { width: 96, height: 48 };

/** What was selected, and where the button is, in px of the window. */
interface Selected {
  text: string;
  left: number;
  top: number;
}

/** The button of what a finger has selected. */
export function TouchSelection({ view }: { view: TerminalModel }) {
  const selected = useSignal<Selected | null>(null);
  useEffect(() => {
    const fingers = new Fingers(view, selected);
    return () => fingers.leave();
  }, [view]);
  if (!selected.value) return null;
  const { text, left, top } = selected.value;
  return (
    <button
      type="button"
      class="button primary copy-selected"
      ref={(button) => {
        button?.style.setProperty("left", `${left}px`);
        button?.style.setProperty("top", `${top}px`);
      }}
      // The soft keyboard stays as it is.
      onPointerDown={(event) => event.preventDefault()}
      onClick={() => {
        view.copy(text);
        view.screen?.terminal.clearSelection();
      }}
    >
      <Icon name="copy" size={14} />
      Copy
    </button>
  );
}

class Fingers {
  private timer = 0;
  /** Where the finger came down. */
  private began: { x: number; y: number } | null = null;
  /** The word that the selection began with, while the finger is down. */
  private word: Cells | null = null;
  private chosen: Cells | null = null;
  /** The tap ends a selection, and does nothing else. */
  private ends = false;
  private readonly gone = new AbortController();

  constructor(
    private readonly view: TerminalModel,
    private readonly selected: Signal<Selected | null>,
  ) {
    const { stage } = view;
    const terminal = view.screen?.terminal;
    if (!stage || !terminal) return;
    // Before those of the page and of xterm.js, which scroll, and type where one taps.
    const first = { capture: true, passive: false, signal: this.gone.signal };
    document.addEventListener("touchstart", this.start, { ...first, passive: true });
    stage.addEventListener("touchmove", this.move, first);
    stage.addEventListener("touchend", this.end, first);
    stage.addEventListener("touchcancel", this.cancel, first);
    stage.addEventListener("contextmenu", this.menu, first);
    stage.querySelector(".live-screen")?.addEventListener("scroll", this.place, { signal: this.gone.signal });
    const changed = terminal.onSelectionChange(() => {
      if (!terminal.hasSelection()) this.selected.value = null;
    });
    this.gone.signal.addEventListener("abort", () => changed.dispose());
  }

  leave(): void {
    clearTimeout(this.timer);
    this.gone.abort();
  }

  private readonly start = (event: TouchEvent): void => {
    clearTimeout(this.timer);
    const target = event.target as Element;
    if (target.closest(".copy-selected")) return;
    this.ends = this.selected.value !== null;
    // A second finger makes a pinch of it.
    if (this.ends || this.word) this.clear();
    const [finger] = event.touches;
    if (this.ends || !finger || event.touches.length > 1 || !target.closest(".live-screen")) return;
    this.began = { x: finger.clientX, y: finger.clientY };
    this.timer = window.setTimeout(this.rest, REST);
  };

  private readonly rest = (): void => {
    if (!this.began || this.view.past.mode.value !== "live") return;
    this.word = this.wordUnder(this.began.x, this.began.y);
    if (this.word) this.select(this.word);
  };

  private readonly move = (event: TouchEvent): void => {
    const [finger] = event.touches;
    if (!finger || !this.began) return;
    const { clientX: x, clientY: y } = finger;
    if (!this.word) {
      if (Math.hypot(x - this.began.x, y - this.began.y) > STILL) clearTimeout(this.timer);
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    this.scroll(x, y);
    const other = this.wordUnder(x, y);
    if (!other) return;
    this.select({ from: Math.min(this.word.from, other.from), to: Math.max(this.word.to, other.to) });
  };

  private readonly end = (event: TouchEvent): void => {
    clearTimeout(this.timer);
    this.began = null;
    if (!this.word && !this.ends) return;
    // Nothing is clicked: a click would open the keyboard and end the selection.
    if (event.cancelable) event.preventDefault();
    event.stopPropagation();
    if (this.word) this.place();
    this.word = null;
    this.ends = false;
  };

  private readonly cancel = (): void => {
    clearTimeout(this.timer);
    this.began = null;
    if (this.word) this.clear();
  };

  /** The browser's own answer to a long press. */
  private readonly menu = (event: MouseEvent): void => {
    if (!(event instanceof PointerEvent) || event.pointerType !== "touch") return;
    event.preventDefault();
    event.stopPropagation();
  };

  private clear(): void {
    this.word = null;
    this.chosen = null;
    this.selected.value = null;
    this.view.screen?.terminal.clearSelection();
  }

  private select(cells: Cells): void {
    const terminal = this.view.screen?.terminal;
    if (!terminal) return;
    this.chosen = cells;
    const { from, to } = cells;
    terminal.select(from % terminal.cols, Math.floor(from / terminal.cols), to - from);
  }

  /** Shows the button above what is selected, or below it where there is no room. */
  private readonly place = (): void => {
    const { stage, screen } = this.view;
    const box = stage?.querySelector(".xterm-screen")?.getBoundingClientRect();
    const terminal = screen?.terminal;
    if (!stage || !box || !terminal?.hasSelection() || !this.chosen) return;
    const text = this.selected.value?.text ?? terminal.getSelection();
    if (text.trim() === "") return this.clear();
    const room = stage.getBoundingClientRect();
    const { from, to } = this.chosen;
    const top = (cell: number): number => box.top + (Math.floor(cell / terminal.cols) * box.height) / terminal.rows;
    const above = top(from) - BUTTON.height;
    const below = top(to - 1) + box.height / terminal.rows + EDGE / 2;
    const within = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value));
    this.selected.value = {
      text,
      left: within(
        box.left + ((from % terminal.cols) * box.width) / terminal.cols,
        room.left + 8,
        room.right - BUTTON.width - 8,
      ),
      top: within(above < room.top + 8 ? below : above, room.top + 8, room.bottom - BUTTON.height),
    };
  };

  private wordUnder(x: number, y: number): Cells | null {
    const { stage, screen } = this.view;
    const box = stage?.querySelector(".xterm-screen")?.getBoundingClientRect();
    if (!box || !screen) return null;
    const { cols, rows } = screen.terminal;
    const cell = (from: number, size: number, count: number): number =>
      Math.max(0, Math.min(count - 1, Math.floor((from / size) * count)));
    return wordAt(screen.terminal, cell(x - box.left, box.width, cols), cell(y - box.top, box.height, rows));
  }

  /** What is beyond the edge that the finger is at. */
  private scroll(x: number, y: number): void {
    const view = this.view.stage?.querySelector(".live-screen");
    if (!view) return;
    const { left, right, top, bottom } = view.getBoundingClientRect();
    const step = (before: number, behind: number): number => (before < EDGE ? -EDGE / 2 : behind < EDGE ? EDGE / 2 : 0);
    view.scrollBy(step(x - left, right - x), step(y - top, bottom - y));
  }
}
