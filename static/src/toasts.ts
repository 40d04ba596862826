import { signal } from "@preact/signals";
import type { IconName } from "./ui/icon";

interface Toast {
  id: number;
  text: string;
  bad?: boolean;
  icon?: IconName;
  /** What it is about: what is said of the same later takes its place. */
  about?: string;
  /** The way back. */
  action?: { label: string; run: () => void };
}

const TIME = 6000;
const MOST = 3;

export const toasts = signal<readonly Toast[]>([]);
const timers = new Map<number, ReturnType<typeof setTimeout>>();
let count = 0;

/** Says what happened in one line; it goes by itself, unless something is to be done about it. */
export function toast(said: Omit<Toast, "id">): void {
  const id = ++count;
  toasts.value = [
    ...toasts.value.filter(({ text, about }) => text !== said.text && (!about || about !== said.about)),
    { ...said, id },
  ].slice(-MOST);
  if (!said.bad || !said.action) leave(id);
}

export function leave(id: number): void {
  timers.set(
    id,
    setTimeout(() => dismiss(id), TIME),
  );
}

export function stay(id: number): void {
  clearTimeout(timers.get(id));
}

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
  timers.delete(id);
}
