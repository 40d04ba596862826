// Single letters act only when no field and no terminal has the focus.

import { signal } from "@preact/signals";
import { keepAlt } from "./preferences";
import { command, isMac } from "./ui/keys";

/** WCAG 2.1.4: single letters can be switched off. */
export const letters = signal(localStorage.getItem("codepiper.letters") !== "off");

export function switchLetters(on: boolean): void {
  letters.value = on;
  localStorage.setItem("codepiper.letters", on ? "on" : "off");
}

type Bindings = Readonly<Record<string, (event: KeyboardEvent) => void>>;

const scopes: (readonly [string, Bindings])[] = [];

/** Keys that were changed on this device, by where they act and what they were. */
export const changedKeys = signal<Readonly<Record<string, string>>>(
  JSON.parse(localStorage.getItem("codepiper.keys") ?? "{}") as Record<string, string>,
);

/** The key that does here what `name` did at first. */
export const keyOf = (scope: string, name: string): string => changedKeys.value[`${scope} ${name}`] ?? name;
/** G waits for its second letter until then. */
let second = 0;

/** Keys of a part of the page while it is shown; the newest is asked first. Answers with how to end it. */
export function bind(where: string, bindings: Bindings): () => void {
  const scope = [where, bindings] as const;
  scopes.unshift(scope);
  return () => void scopes.splice(scopes.indexOf(scope), 1);
}

/** `⌘k`, `⌥ArrowDown`, `⇧F`, `c`, `g s`. */
export function keyName(event: KeyboardEvent): string {
  const letter = event.code.startsWith("Key") ? event.code.slice(3).toLowerCase() : event.key;
  if (command(event)) return `⌘${event.shiftKey ? "⇧" : ""}${letter}`;
  // On macOS ⌥ with a letter writes another character: the key itself counts.
  if (event.altKey && !event.ctrlKey && !event.metaKey) return `⌥${letter}`;
  if (event.ctrlKey || event.metaKey || event.altKey) return "";
  return event.key.length === 1 && event.shiftKey && /[A-Z]/.test(event.key) ? `⇧${event.key}` : event.key;
}

/** Whether a key that is pressed in a terminal is the page's: it goes on to the shortcuts. */
export function isOfPage(event: KeyboardEvent): boolean {
  const name = keyName(event);
  if (name[0] === "⌥" && keepAlt.value === "on") return false;
  // Elsewhere Ctrl+K is a key of programs.
  return ["⌥ArrowUp", "⌥ArrowDown", "⌥n", isMac ? "⌘k" : "⌘⇧k"].some((key) => keyOf("", key) === name);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable], .xterm") !== null;
}

/** What Enter and the space bar press by themselves: a link, Enter alone. */
function isPressed(target: EventTarget | null, link: string): boolean {
  return target instanceof HTMLElement && target.closest(`button, label, summary${link}`) !== null;
}

function press(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
  if (
    event.key === "F6" &&
    !event.ctrlKey &&
    !event.altKey &&
    !event.metaKey &&
    !(event.target instanceof Element && event.target.closest(".xterm"))
  ) {
    event.preventDefault();
    return void import("./regions").then(({ goRound }) => goRound(event.shiftKey ? -1 : 1));
  }
  let name = keyName(event);
  // A field has every key that writes, moves or deletes.
  if (isTyping(event.target) && !/^([⌘⌥]|Escape$)/u.test(name)) return;
  if ((name === " " || name === "Enter") && isPressed(event.target, name === " " ? "" : ", a")) return;
  // Everything else goes to the program, also what looks like ours.
  if (event.target instanceof HTMLElement && event.target.closest(".xterm") && !isOfPage(event)) return;
  if (/^⇧?[a-z,.?/]$/i.test(name) && !letters.value) return;
  if (Date.now() < second && name.length === 1) name = `g ${name}`;
  second = 0;
  if (name === "g") {
    second = Date.now() + 1000;
    return;
  }
  for (const [where, bindings] of scopes) {
    const key = Object.keys(bindings).find((each) => keyOf(where, each) === name);
    if (key === undefined) continue;
    event.preventDefault();
    return bindings[key]?.(event);
  }
}

/** Listens until the answer is called. */
export function startShortcuts(): () => void {
  document.addEventListener("keydown", press);
  return () => document.removeEventListener("keydown", press);
}
