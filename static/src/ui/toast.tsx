import { signal } from "@preact/signals";
import { Icon, type IconName } from "./icon";

interface Toast {
  id: number;
  text: string;
  bad?: boolean;
  icon?: IconName;
  /** The way back. */
  action?: { label: string; run: () => void };
}

const TIME = 6000;
const MOST = 3;

const toasts = signal<readonly Toast[]>([]);
const timers = new Map<number, ReturnType<typeof setTimeout>>();
let count = 0;

/** Says what happened in one line; it goes by itself. */
export function toast(said: Omit<Toast, "id">): void {
  const id = ++count;
  toasts.value = [...toasts.value.filter((other) => other.text !== said.text), { ...said, id }].slice(-MOST);
  leave(id);
}

function leave(id: number): void {
  timers.set(id, setTimeout(() => dismiss(id), TIME));
}

function stay(id: number): void {
  clearTimeout(timers.get(id));
}

function dismiss(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
  timers.delete(id);
}

export function Toasts() {
  return (
    <div class="toasts" role="status">
      {toasts.value.map(({ id, text, bad, icon, action }) => (
        <div
          key={id}
          class={bad ? "toast bad" : "toast"}
          onPointerEnter={() => stay(id)}
          onPointerLeave={() => leave(id)}
          onFocusIn={() => stay(id)}
          onFocusOut={() => leave(id)}
        >
          <Icon name={bad ? "warning" : (icon ?? "tick")} />
          <span>{text}</span>
          {action && (
            <button
              class="button ghost"
              onClick={() => {
                dismiss(id);
                action.run();
              }}
            >
              {action.label}
            </button>
          )}
          <button class="button ghost icon" aria-label="Dismiss" onClick={() => dismiss(id)}>
            <Icon name="close" size={14} />
          </button>
        </div>
      ))}
    </div>
  );
}
