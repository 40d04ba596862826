import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { answersOn } from "../terminal/answers";
import { keyBytes, withCtrl, type Special } from "../terminal/keys";
import type { TerminalModel } from "./terminal_model";

/** `once`: for the next key; `locked`: until it is tapped again. */
export type Sticky = "off" | "once" | "locked";

type Sends = Special | { text: string };
/** What it shows, what it sends, and its name. */
type Key = readonly [string, Sends | "ctrl", string?];

const ENTER: Key = ["↵", "enter", "Enter"];
const UP_AND_DOWN: readonly Key[] = [
  ["↑", "up", "Up"],
  ["↓", "down", "Down"],
];
const FIRST: readonly Key[] = [
  ["Esc", "escape"],
  ["Tab", "tab"],
  ["Ctrl", "ctrl"],
];
const REST: readonly Key[] = [
  ["←", "left", "Left"],
  ["→", "right", "Right"],
  ["⇧Tab", "backtab", "Shift Tab"],
  ["^C", { text: "\x03" }, "Control C"],
  ["^D", { text: "\x04" }, "Control D"],
  ["PgUp", "pageup", "Page up"],
  ["PgDn", "pagedown", "Page down"],
  ["/", { text: "/" }, "Slash"],
];

/** What answers comes first, while something is asked. */
function keysFor(answers: string): readonly Key[] {
  if (answers === "") return [...FIRST, ...UP_AND_DOWN, ENTER, ...REST];
  const digits = [...answers].map((text): Key => [text, { text }, text]);
  return [...digits, ENTER, ...UP_AND_DOWN, ...FIRST, ...REST];
}

/** Held down, arrows repeat: after this long, and then this often, in ms. */
const HOLD = 400;
const REPEAT = 60;
const DOUBLE = 350;
/** The screen is read when it has been still for so long, in ms. */
const STILL = 100;
/** Keys that have come under a finger do nothing for so long, in ms. */
const SLEEP = 500;

/** The keys that answer what the screen asks. */
function useAnswers(view: TerminalModel, waits: boolean): string {
  const answers = useSignal("");
  useEffect(() => {
    const terminal = view.screen?.terminal;
    if (!terminal) return;
    let timer = 0;
    const read = (): void => {
      const { active } = terminal.buffer;
      const rows = Array.from(
        { length: terminal.rows },
        (_, row) => active.getLine(active.baseY + row)?.translateToString(true) ?? "",
      );
      answers.value = answersOn(rows, active.cursorY, waits);
    };
    const readSoon = (): void => {
      clearTimeout(timer);
      timer = window.setTimeout(read, STILL);
    };
    read();
    const written = terminal.onWriteParsed(readSoon);
    return () => {
      clearTimeout(timer);
      written.dispose();
    };
  }, [view, waits]);
  return answers.value;
}

/** The keys that a soft keyboard does not have. */
export function KeyStrip({ view, waits }: { view: TerminalModel; waits: boolean }) {
  const { sticky } = view;
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const tapped = useRef(0);
  const strip = useRef<HTMLDivElement>(null);
  const answers = useAnswers(view, waits);
  const shown = useRef({ answers, since: -SLEEP });
  if (shown.current.answers !== answers) shown.current = { answers, since: performance.now() };
  useEffect(() => strip.current?.scrollTo(0, 0), [answers]);
  const release = (): void => clearTimeout(timer.current);
  useEffect(() => release, []);
  const press = (key: Sends): void => {
    if (performance.now() - shown.current.since < SLEEP) return;
    const ctrl = sticky.value !== "off";
    const application = view.screen?.terminal.modes.applicationCursorKeysMode ?? false;
    const text = typeof key === "string" ? keyBytes(key, ctrl, application) : ctrl ? withCtrl(key.text) : key.text;
    view.type(new TextEncoder().encode(text));
    if (sticky.value === "once") sticky.value = "off";
  };
  const hold = (key: Sends): void => {
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
  // Nine digits and Enter are as wide as a narrow phone.
  const narrow = answers.length > 6 ? " narrow" : "";
  return (
    <div ref={strip} class={`key-strip${narrow}`} role="toolbar" aria-label="Keys">
      {keysFor(answers).map(([shown, key, name]) =>
        key === "ctrl" ? (
          <button
            key={shown}
            type="button"
            class={`button key ctrl-${sticky.value}`}
            aria-pressed={sticky.value !== "off"}
            aria-label={sticky.value === "locked" ? "Ctrl, locked" : "Ctrl"}
            onPointerDown={keepFocus}
            onClick={toggle}
          >
            Ctrl
          </button>
        ) : (
          <button
            key={shown}
            type="button"
            class={answers.includes(shown) ? "button key answers" : "button key"}
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
        ),
      )}
    </div>
  );
}

/** The soft keyboard stays as it is. */
function keepFocus(event: PointerEvent): void {
  event.preventDefault();
}
