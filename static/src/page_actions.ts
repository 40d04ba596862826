import { signal } from "@preact/signals";
import type { IconName } from "./ui/icon";

/** What only the page that is shown can do, for the palette. */
export interface PageAction {
  word: string;
  icon: IconName;
  /** What the table of keys calls it. */
  key?: string;
  run: () => void;
}

export const pageActions = signal<readonly PageAction[]>([]);
