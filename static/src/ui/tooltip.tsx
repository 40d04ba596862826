import "../styles/around_pages.css";
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { currentKey } from "../keys_table";
import { Keys } from "./keys";

/** After this long under the pointer, in ms. */
const DELAY = 400;

const shown = signal<HTMLElement | null>(null);

/** Shows the `data-tip` (and `data-key`) of what is pointed at or has the focus. */
export function Tooltip() {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const of = (event: Event): HTMLElement | null =>
      (event.target as Element).closest?.<HTMLElement>("[data-tip]") ?? null;
    const hide = (): void => {
      clearTimeout(timer);
      shown.value = null;
    };
    const point = (event: PointerEvent): void => {
      hide();
      const target = of(event);
      if (target && event.pointerType === "mouse") timer = setTimeout(() => (shown.value = target), DELAY);
    };
    const focus = (event: FocusEvent): void => {
      hide();
      const target = of(event);
      if (target?.matches(":focus-visible")) shown.value = target;
    };
    const escape = (event: KeyboardEvent): void => {
      if (event.key === "Escape") hide();
    };
    document.addEventListener("pointerover", point);
    document.addEventListener("pointerdown", hide, true);
    document.addEventListener("focusin", focus);
    document.addEventListener("keydown", escape, true);
    document.addEventListener("scroll", hide, true);
    return () => {
      document.removeEventListener("pointerover", point);
      document.removeEventListener("pointerdown", hide, true);
      document.removeEventListener("focusin", focus);
      document.removeEventListener("keydown", escape, true);
      document.removeEventListener("scroll", hide, true);
    };
  }, []);
  const target = shown.value;
  useEffect(() => {
    if (!target || !box.current) return;
    const at = target.getBoundingClientRect();
    const size = box.current.getBoundingClientRect();
    const x = Math.min(innerWidth - size.width - 8, Math.max(8, at.left + at.width / 2 - size.width / 2));
    const below = at.bottom + 6;
    box.current.style.setProperty("--x", `${x}px`);
    box.current.style.setProperty("--y", `${below + size.height > innerHeight ? at.top - 6 - size.height : below}px`);
  }, [target]);
  if (!target?.isConnected) return null;
  return (
    <div class="tooltip" ref={box} aria-hidden="true">
      {target.dataset["tip"]}
      {target.dataset["key"] && <Keys keys={currentKey(target.dataset["key"])} />}
    </div>
  );
}
