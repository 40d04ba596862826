// Which theme is shown; the daemon reads the cookie and sends the page in it.

export type Theme = "system" | "light" | "dark";

const dark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

export const theme: { chosen: Theme; shown: "light" | "dark" } = {
  chosen: (/(?:^|; )codepiper-theme=(light|dark)/.exec(document.cookie)?.[1] as Theme | undefined) ?? "system",
  shown: "light",
};

/** Called when another theme is shown or chosen. */
export function onTheme(listener: () => void): void {
  listeners.add(listener);
}

export function chooseTheme(chosen: Theme): void {
  theme.chosen = chosen;
  const age = chosen === "system" ? 0 : 365 * 24 * 3600;
  document.cookie = `codepiper-theme=${chosen}; path=/; max-age=${age}; samesite=strict`;
  show();
}

export function startTheme(): void {
  dark.addEventListener("change", show);
  show();
}

function show(): void {
  theme.shown = theme.chosen === "system" ? (dark.matches ? "dark" : "light") : theme.chosen;
  document.documentElement.dataset["theme"] = theme.shown;
  for (const listener of listeners) listener();
}
