// The font of terminals in this browser.

import { signal } from "@preact/signals";

const KEY = "codepiper.terminal.font";

/** The name of a font of this device; empty: the page's own. */
export const font = signal(localStorage.getItem(KEY) ?? "");
font.subscribe((name) => localStorage.setItem(KEY, name));
