// What the palette offers on the page of a terminal.

import type { PageAction } from "../page_actions";
import { isLive } from "../words";
import type { TerminalModel } from "./terminal_model";
import { fitOrRestore } from "./window_size";

export function actionsOf(view: TerminalModel): PageAction[] {
  const { past, strip } = view;
  const always: PageAction[] = [
    { word: "Search output", icon: "search", run: past.search },
    { word: "Scroll back", icon: "clock", run: () => past.scrollBack(24) },
    { word: "Copy last output", icon: "copy", run: () => void view.copyLast() },
  ];
  if (!isLive(view.session)) return always;
  return [
    ...always,
    { word: "Send a prompt…", icon: "send", key: "Prompt", run: view.compose },
    { word: "Fit to this screen", icon: "fit", key: "Fit to this screen", run: () => fitOrRestore(view) },
    {
      word: strip.value ? "Hide keys" : "Show keys",
      icon: "keys",
      run: () => (strip.value = !strip.value),
    },
  ];
}
