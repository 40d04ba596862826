import type { Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { keyBytes, withCtrl, type Special } from "../terminal/keys";

/** `once`: for the next key; `locked`: until it is tapped again. */
export type Sticky = "off" | "once" | "locked";

const KEYS: readonly (readonly [string, Special | { text: string }, string?])[] = [
  ["Esc", "escape"],
  ["Tab", "tab"],
  ["↑", "up", "Up"],
  ["↓", "down", "Down"],
  ["↵", "enter", "Enter"],
  ["←", "left", "Left"],
  ["→", "right", "Right"],
  ["⇧Tab", "backtab", "Shift Tab"],
  ["^C", { text: "\x03" }, "Control C"],
  ["^D", { text: "\x04" }, "Control D"],
  ["PgUp", "pageup", "Page up"],
  ["PgDn", "pagedown", "Page down"],
  ["/", { text: "/" }, "Slash"],
];

/** Held down, arrows repeat: after this long, and then this often, in ms. */
const HOLD = 400;
const REPEAT = 60;
const DOUBLE = 350;

/** The keys that a soft keyboard does not have. */
export function KeyStrip({
  sticky,
  send,
  application,
}: {
  sticky: Signal<Sticky>;
  send: (text: string) => void;
  application: () => boolean;
}) {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const tapped = useRef(0);
  const release = (): void => clearTimeout(timer.current);
  useEffect(() => release, []);
  const press = (key: Special | { text: string }): void => {
    const ctrl = sticky.value !== "off";
    send(typeof key === "string" ? keyBytes(key, ctrl, application()) : ctrl ? withCtrl(key.text) : key.text);
    if (sticky.value === "once") sticky.value = "off";
  };
  const hold = (key: Special | { text: string }): void => {
    const again = (): void => {
      press(key);
      timer.current = setTimeout(again, REPEAT);
    };
    timer.current = setTimeout(again, HOLD);
  };
  const toggle = (): void => {
    const double = Date.now() - tapped.current < DOUBLE;
    tapped.current = Date.now();
    sticky.value = double ? "locked" : sticky.value === "off" ? "once" : "off";
  };
  return (
    <div class="key-strip" role="toolbar" aria-label="Keys">
      {KEYS.map(([shown, key, name], index) => (
        <>
          {index === 2 && (
            <button
              type="button"
              class={`button key ctrl-${sticky.value}`}
              aria-pressed={sticky.value !== "off"}
              aria-label={sticky.value === "locked" ? "Ctrl, locked" : "Ctrl"}
              onPointerDown={keepFocus}
              onClick={toggle}
            >
              Ctrl
            </button>
          )}
          <button
            key={shown}
            type="button"
            class="button key"
            aria-label={name ?? shown}
            onPointerDown={(event) => {
              keepFocus(event);
              if (typeof key === "string" && /up|down|left|right/.test(key)) hold(key);
            }}
            onPointerUp={release}
            onPointerLeave={release}
            onPointerCancel={release}
            onClick={() => press(key)}
          >
            {shown}
          </button>
        </>
      ))}
    </div>
  );
}

/** The soft keyboard stays as it is. */
function keepFocus(event: PointerEvent): void {
  event.preventDefault();
}
