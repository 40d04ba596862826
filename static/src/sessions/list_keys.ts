// The keys of a list: they go along its rows, and act on what is selected, or on the row that has the focus.

import type { Signal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";
import { renaming } from "../actions";
import { bind } from "../shortcuts";
import { sessions } from "../store";
import type { Session } from "../wire";
import { BULK } from "./bulk";
import type { Selection } from "./selection";

export function useListKeys(
  list: RefObject<HTMLElement | null>,
  selection: Selection,
  menu: Signal<string | null>,
): void {
  useEscape(selection);
  useEffect(() => {
    const links = (): HTMLElement[] => [...(list.current?.querySelectorAll<HTMLElement>(".row-link") ?? [])];
    const at = (): number => links().findIndex((link) => link.closest(".row")?.contains(document.activeElement));
    const go = (to: number): void => links()[Math.max(0, Math.min(links().length - 1, to))]?.focus();
    const step = (by: number) => (): void => go(at() < 0 ? 0 : at() + by);
    const current = (): Session | undefined => sessions.value?.get(links()[at()]?.dataset["session"] ?? "");
    const on = (run: (session: Session) => void) => (): void => {
      const session = current();
      if (session) run(session);
    };
    const many = (run: (of: readonly Session[], then: () => void) => void) => (): void => {
      const chosen = selection.sessions;
      const session = current();
      run(chosen.length > 0 ? chosen : session ? [session] : [], selection.clear);
    };
    return bind("list", {
      j: step(1),
      k: step(-1),
      ArrowDown: step(1),
      ArrowUp: step(-1),
      Home: () => go(0),
      End: () => go(links().length - 1),
      x: on(({ id }) => selection.toggle(id)),
      "⇧X": on(({ id }) => selection.toggle(id, orderOf(list.current))),
      s: many(BULK.stop),
      r: many(BULK.resume),
      "⇧K": many(BULK.kill),
      Delete: many(BULK.remove),
      F2: on((session) => (renaming.value = session)),
      ".": on((session) => (menu.value = session.id)),
    });
  }, []);
}

/** Escape ends a selection, unless it closes what lies over the page. */
function useEscape(selection: Selection): void {
  useEffect(() => {
    const escape = (event: KeyboardEvent): void => {
      if (event.key === "Escape" && !document.querySelector(":popover-open, dialog[open]")) selection.clear();
    };
    document.addEventListener("keydown", escape);
    return () => document.removeEventListener("keydown", escape);
  }, []);
}

/** The ids of the rows, as they stand. */
export function orderOf(list: HTMLElement | null): string[] {
  const links = list?.querySelectorAll<HTMLElement>(".row-link") ?? [];
  return [...links].flatMap((link) => link.dataset["session"] ?? []);
}
