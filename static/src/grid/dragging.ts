// A tile is dragged by its head, with the mouse or a finger: it takes the place of the tile under it.

/** A press is a drag from here on, in px. */
const BEGINS = 6;

export function drag(event: PointerEvent, id: string, over: (id: string, to: string) => void): void {
  if (event.button !== 0 || (event.target as Element).closest("button")) return;
  const tile = (event.currentTarget as Element).closest<HTMLElement>(".pane");
  const [x, y] = [event.clientX, event.clientY];
  let dragging = false;
  const move = (now: PointerEvent): void => {
    if (!dragging && Math.hypot(now.clientX - x, now.clientY - y) < BEGINS) return;
    dragging = true;
    tile?.classList.add("dragged");
    const found = document.elementsFromPoint(now.clientX, now.clientY).find((each) => each.matches(".pane"));
    const to = found instanceof HTMLElement ? found.dataset["session"] : undefined;
    if (to !== undefined && to !== id) over(id, to);
  };
  const end = (): void => {
    removeEventListener("pointermove", move);
    removeEventListener("pointerup", end);
    removeEventListener("pointercancel", end);
    tile?.classList.remove("dragged");
    // The click on its name that follows a drag opens nothing.
    if (dragging) addEventListener("click", swallow, { capture: true, once: true });
    setTimeout(() => removeEventListener("click", swallow, { capture: true }));
  };
  addEventListener("pointermove", move);
  addEventListener("pointerup", end);
  addEventListener("pointercancel", end);
}

function swallow(event: Event): void {
  event.preventDefault();
  event.stopPropagation();
}
