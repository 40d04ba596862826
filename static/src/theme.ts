import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const dark = matchMedia("(prefers-color-scheme: dark)");

/** What was chosen; the daemon reads the cookie and sends the page in that theme. */
export const theme = signal<Theme>(/(?:^|; )codepiper-theme=(light|dark)/.exec(document.cookie)?.[1] as Theme ?? "system");

/** What is shown. */
export const shownTheme = signal<"light" | "dark">("light");

export function chooseTheme(chosen: Theme): void {
  theme.value = chosen;
  const age = chosen === "system" ? 0 : 365 * 24 * 3600;
  document.cookie = `codepiper-theme=${chosen}; path=/; max-age=${age}; samesite=strict`;
  show();
}

export function startTheme(): void {
  dark.addEventListener("change", show);
  show();
}

function show(): void {
  shownTheme.value = theme.value === "system" ? (dark.matches ? "dark" : "light") : theme.value;
  document.documentElement.dataset["theme"] = shownTheme.value;
}
