// @vitest-environment jsdom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { bind, changedKeys, isOfPage, startShortcuts, switchLetters } from "./shortcuts";

// The theme asks for it, and jsdom has none.
vi.hoisted(() => (globalThis.matchMedia = (() => ({ matches: false })) as unknown as typeof matchMedia));

startShortcuts();
let end = (): void => undefined;
const ran = vi.fn();

beforeEach(() => {
  ran.mockReset();
  end = bind("", {
    c: () => ran("c"),
    "⌘k": () => ran("⌘k"),
    "⌘⇧k": () => ran("⌘⇧k"),
    "g s": () => ran("g s"),
    s: () => ran("s"),
    "⌥n": () => ran("⌥n"),
  });
});
afterEach(() => {
  end();
  switchLetters(true);
  document.body.replaceChildren();
});

function press(key: string, init: KeyboardEventInit = {}, target: Element = document.body): void {
  target.dispatchEvent(
    new KeyboardEvent("keydown", {
      key,
      code: /^[a-z]$/.test(key) ? `Key${key.toUpperCase()}` : key,
      bubbles: true,
      cancelable: true,
      ...init,
    }),
  );
}

it("runs single letters, and two after each other", () => {
  press("c");
  press("g");
  press("s");
  press("s");
  expect(ran.mock.calls.flat()).toEqual(["c", "g s", "s"]);
});

it("leaves letters to fields", () => {
  const input = document.body.appendChild(document.createElement("input"));
  press("c", {}, input);
  press("k", { ctrlKey: true }, input);
  expect(ran.mock.calls.flat()).toEqual(["⌘k"]);
});

it("leaves everything but the palette and other sessions to a terminal", () => {
  const terminal = document.body.appendChild(document.createElement("div"));
  terminal.className = "xterm";
  const inside = terminal.appendChild(document.createElement("textarea"));
  press("c", {}, inside);
  press("n", { altKey: true }, inside);
  press("k", { ctrlKey: true }, inside);
  press("k", { ctrlKey: true, shiftKey: true }, inside);
  expect(ran.mock.calls.flat()).toEqual(["⌥n", "⌘⇧k"]);
});

it("can do without letters", () => {
  switchLetters(false);
  press("c");
  press("n", { altKey: true });
  expect(ran.mock.calls.flat()).toEqual(["⌥n"]);
});

it("does not act under a dialog", () => {
  const dialog = document.body.appendChild(document.createElement("dialog"));
  dialog.setAttribute("open", "");
  press("c");
  expect(ran).not.toHaveBeenCalled();
});

it("acts by keys that were changed, each where it was", () => {
  const list = bind("list", { s: () => ran("stop"), x: () => ran("select") });
  changedKeys.value = { "list s": "x", "list x": "s", " ⌥n": "⌘⇧e" };
  press("s");
  press("x");
  press("n", { altKey: true });
  const elsewhere = { key: "E", code: "KeyE", ctrlKey: true, shiftKey: true };
  press("E", elsewhere);
  expect(ran.mock.calls.flat()).toEqual(["select", "stop", "⌥n"]);
  // In a terminal, too; and what it was is the program's.
  expect(isOfPage(new KeyboardEvent("keydown", elsewhere))).toBe(true);
  expect(isOfPage(new KeyboardEvent("keydown", { key: "n", code: "KeyN", altKey: true }))).toBe(false);
  changedKeys.value = {};
  list();
});

it("leaves Enter to a link, and the space bar to the page", () => {
  const stop = bind("git", { " ": () => ran("space"), Enter: () => ran("enter") });
  const link = document.body.appendChild(document.createElement("a"));
  const button = document.body.appendChild(document.createElement("button"));
  press(" ", {}, link);
  press("Enter", {}, link);
  press(" ", {}, button);
  press("Enter", {}, button);
  expect(ran.mock.calls).toEqual([["space"]]);
  stop();
});

it("leaves to a field every key that edits", () => {
  const stop = bind("list", { Delete: () => ran("remove"), F2: () => ran("rename"), Escape: () => ran("out") });
  const field = document.body.appendChild(document.createElement("input"));
  for (const key of ["Delete", "F2", "Escape"]) press(key, {}, field);
  expect(ran.mock.calls).toEqual([["out"]]);
  stop();
});
