// What this browser keeps of its notifications, so that they outlive a sign-in.

import type { NotificationRules } from "../wire";

const KEY = "codepiper.notifications";

export interface Kept {
  /** The login that they were set up for. */
  login: string;
  /** Of its push service; null without push. */
  endpoint: string | null;
  rules: NotificationRules;
}

export function kept(): Kept | null {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "null") as Kept | null;
  } catch {
    return null;
  }
}

export function keep(value: Kept | null): void {
  if (value) localStorage.setItem(KEY, JSON.stringify(value));
  else localStorage.removeItem(KEY);
}
