// Whether one sees the live screen or older output, and the way between them.

import { computed, signal } from "@preact/signals";
import { createRef } from "preact";
import type { Cursor } from "../wire";
import type { History } from "../terminal/history";
import { toast } from "../toasts";
import { whenDrawn } from "../settled";

const around = whenDrawn(() => import("./around"));

export interface LiveScreen {
  session: () => string;
  /** The end of the output so far. */
  end: () => Cursor;
  rowHeight: () => number;
}

export class Past {
  readonly mode = signal<"live" | "history">("live");
  readonly opening = signal(false);
  readonly searching = signal(false);
  /** What is visible; null while the live screen is. */
  readonly place = computed(() => (this.mode.value === "history" ? (this.history?.place.value ?? null) : null));
  /** Older output is on the screen. */
  readonly reading = computed(() => this.mode.value === "history" && !this.opening.value);
  /** Where older output is shown. */
  readonly root = createRef<HTMLDivElement>();
  history: History | null = null;
  /** What was typed for a search whose field is not there yet; null at all other times. */
  typed: string | null = null;

  constructor(private readonly live: LiveScreen) {}

  get loading(): boolean {
    return this.opening.value || (this.history?.loading.value ?? false);
  }

  readonly toLive = (): void => {
    this.close();
    this.mode.value = "live";
    this.searching.value = false;
    this.typed = null;
  };

  /** Opens at the end, scrolled up by so many lines. */
  scrollBack(lines: number): void {
    void this.open((history) => history.openAtEnd(lines));
  }

  readonly goTo = (at: number | Cursor): void => {
    void this.open((history) => history.openAt(at));
  };

  readonly search = (): void => {
    if (!this.searching.value) this.typed = "";
    this.searching.value = true;
    if (this.mode.value === "live") this.scrollBack(0);
  };

  close(): void {
    this.history?.close();
    this.history = null;
  }

  private async open(show: (history: History) => Promise<void>): Promise<void> {
    const root = this.root.current;
    if (!root) return;
    if (this.history) return show(this.history);
    if (this.opening.value) return;
    this.opening.value = true;
    const { History, historyKey } = await around();
    const history = new History(root, this.live.session(), this.live.end, this.live.rowHeight, {
      leave: () => {
        if (!this.searching.value) this.toLive();
      },
      key: (event) =>
        historyKey(event, {
          live: this.toLive,
          beginning: () => void history.openAtBeginning(),
          search: this.search,
        }),
    });
    this.history = history;
    // It has to have a size while it is filled.
    this.mode.value = "history";
    await show(history);
    this.opening.value = false;
    if (history.failed.value === null) return;
    toast({ text: `The history could not be loaded: ${history.failed.value}`, bad: true });
    this.toLive();
  }
}
