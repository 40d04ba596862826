// The font of terminals in this browser.

import { signal } from "@preact/signals";

const KEY = "codepiper.terminal.font";

/** Fonts that come with the page (`styles/fonts.css`). */
export const INCLUDED = ["IBM Plex Mono", "JetBrains Mono", "Source Code Pro"];

/** The name of one of them, or of a font of this device; empty: the page's own. */
export const font = signal(localStorage.getItem(KEY) ?? "");
font.subscribe((name) => localStorage.setItem(KEY, name));
