// Which rows of the list are selected: with the mouse, a finger or keys.

import { type Signal, signal } from "@preact/signals";
import { sessions } from "../store";
import { isLive } from "../words";
import type { Session } from "../wire";

/** A finger that rests this long on a row selects it, in ms. */
const LONG = 500;
/** So far it may move meanwhile, in px. */
const STILL = 10;

export class Selection {
  readonly ids: Signal<ReadonlySet<string>> = signal(new Set());
  /** Where a range begins. */
  private last: string | null = null;

  /** Those that are still there. */
  get sessions(): Session[] {
    return [...this.ids.value].flatMap((id) => sessions.value?.get(id) ?? []);
  }

  readonly clear = (): void => {
    this.ids.value = new Set();
    this.last = null;
  };

  /** With `order`, everything from the row that was chosen last to this one. */
  toggle(id: string, order?: readonly string[]): void {
    const chosen = new Set(this.ids.value);
    const from = order && this.last !== null ? order.indexOf(this.last) : -1;
    if (order && from >= 0) {
      const to = order.indexOf(id);
      for (const each of order.slice(Math.min(from, to), Math.max(from, to) + 1)) chosen.add(each);
    } else if (!chosen.delete(id)) chosen.add(id);
    this.last = id;
    this.ids.value = chosen;
  }

  all(order: readonly string[]): void {
    this.ids.value = new Set(order);
  }
}

export const isOver = (session: Session): boolean => !isLive(session);

/** A finger that rests on a row; the tap that would follow opens nothing. */
export function longPress(run: (row: HTMLElement) => void) {
  let timer = 0;
  let begun: PointerEvent | null = null;
  let done = false;
  const end = (): void => clearTimeout(timer);
  return {
    onPointerDown: (event: PointerEvent): void => {
      done = false;
      begun = event;
      const row = (event.target as Element).closest<HTMLElement>(".row");
      if (event.pointerType !== "touch" || !row) return;
      timer = window.setTimeout(() => {
        done = true;
        run(row);
      }, LONG);
    },
    onPointerMove: (event: PointerEvent): void => {
      if (begun && Math.hypot(event.clientX - begun.clientX, event.clientY - begun.clientY) > STILL) end();
    },
    onPointerUp: end,
    onPointerCancel: end,
    onContextMenu: (event: Event): void => {
      if (begun?.pointerType === "touch") event.preventDefault();
    },
    onClickCapture: (event: Event): void => {
      if (!done) return;
      done = false;
      event.preventDefault();
      event.stopPropagation();
    },
  };
}
