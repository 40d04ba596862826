import { signal } from "@preact/signals";

/** What lies over every page: at most one. */
export const overlay = signal<"create" | "palette" | "shortcuts" | null>(null);

export function openOverlay(which: "create" | "palette" | "shortcuts"): void {
  overlay.value = which;
}

export function closeOverlay(): void {
  overlay.value = null;
}
