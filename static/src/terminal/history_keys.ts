import { command } from "../ui/keys";

/** Typing goes back to live first, without sending that key. */
export function historyKey(
  event: KeyboardEvent,
  to: { live: () => void; beginning: () => void; search: () => void },
): void {
  const ours = command(event) && event.code === "KeyF";
  if (ours) {
    event.preventDefault();
    return to.search();
  }
  const root = event.currentTarget as HTMLElement;
  const page = root.clientHeight - 32;
  if (event.key === "PageUp") root.scrollTop -= page;
  else if (event.key === "PageDown") root.scrollTop += page;
  else if (event.key === "Home") to.beginning();
  else if (event.key === "End" || event.key === "Escape") to.live();
  else if (event.key === "ArrowUp" || event.key === "ArrowDown" || event.key === "Tab") return;
  else if (event.ctrlKey || event.metaKey || event.altKey || /^(Shift|Control|Alt|Meta|F\d+)$/.test(event.key)) return;
  else to.live();
  event.preventDefault();
  event.stopPropagation();
}
