// @vitest-environment jsdom
import { expect, it } from "vitest";
import type { Subscription } from "../connection";
import { toasts } from "../toasts";
import { unsure, visibleKeys } from "./unsure";

it("shows what was typed in one line", () => {
  expect(visibleKeys("ls\x1b[A\r")).toBe("ls<U+001B>[A↵");
  expect(visibleKeys("\x1b[Ia\x1b[<0;12;3M\x1b[<0;12;3m\x1b[O")).toBe("a");
});

it("says that a secret may not have arrived, and does not show it", () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const into = { type: () => true } as unknown as Subscription;
  unsure([
    [into, bytes("su\r"), false],
    [into, bytes("hunter2"), true],
  ]);
  expect(toasts.value.map(({ text }) => text)).toEqual(["May not have arrived: su↵ (a secret)"]);
});
