import "../styles/around_pages.css";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

interface Props {
  /** What the button shows. */
  button: ComponentChildren;
  /** The button's name when it shows no word. */
  label?: string;
  tip?: string;
  tipKey?: string;
  buttonClass?: string;
  class?: string;
  id?: string;
  disabled?: boolean;
  /** False: Tab does not stop at the button. */
  tab?: boolean;
  /** Made anew each time it opens. */
  children: ComponentChildren;
  onOpen?: () => void;
  /** Opens and closes it from elsewhere; `onShown` tells what it is. */
  shown?: boolean;
  onShown?: (shown: boolean) => void;
}

/** A button with what it opens: Esc and a click outside close it, and the focus returns. */
export function Popover({
  button,
  label,
  tip,
  tipKey,
  buttonClass = "button",
  class: name = "",
  id,
  disabled,
  tab,
  children,
  onOpen,
  shown,
  onShown,
}: Props) {
  const own = useId();
  const trigger = useRef<HTMLButtonElement>(null);
  const opened = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (shown !== undefined) opened.current?.togglePopover(shown);
  }, [shown]);
  return (
    <>
      <button
        ref={trigger}
        type="button"
        id={id}
        class={buttonClass}
        aria-label={label}
        data-tip={tip}
        data-key={tipKey}
        popovertarget={own}
        disabled={disabled}
        tabIndex={tab === false ? -1 : undefined}
        onClick={(event) => event.stopPropagation()}
      >
        {button}
      </button>
      <div
        ref={opened}
        id={own}
        popover="auto"
        class={`sheet ${name}`}
        onClick={(event) => event.stopPropagation()}
        onBeforeToggle={(event) => {
          if (event.newState === "open") onOpen?.();
        }}
        onToggle={(event) => {
          if (event.newState === "open" && trigger.current) place(event.currentTarget, trigger.current);
          onShown?.(event.newState === "open");
        }}
        onKeyDown={(event) => moveIn(event)}
      >
        {children}
      </div>
    </>
  );
}

const GAP = 4;
const EDGE = 8;

/** Below its button, or above, inside the window. */
function place(popover: HTMLElement, trigger: HTMLElement): void {
  if (matchMedia("(max-width: 640px)").matches && popover.classList.contains("sheet")) {
    popover.style.left = popover.style.top = "";
  } else {
    const at = trigger.getBoundingClientRect();
    const size = popover.getBoundingClientRect();
    const left = at.left + size.width > innerWidth - EDGE ? at.right - size.width : at.left;
    const below = at.bottom + GAP;
    const top = below + size.height > innerHeight - EDGE ? at.top - GAP - size.height : below;
    popover.style.left = `${Math.max(EDGE, left)}px`;
    popover.style.top = `${Math.max(EDGE, top)}px`;
  }
  popover.querySelector<HTMLElement>("[data-first], button, a, input")?.focus();
}

/** Closes the popover that an element lies in. */
export function closePopover(element: Element): void {
  element.closest<HTMLElement>("[popover]")?.hidePopover();
}

function moveIn(event: KeyboardEvent): void {
  event.stopPropagation();
  const list = event.currentTarget as HTMLElement;
  if (!list.classList.contains("menu")) return;
  const items = [...list.querySelectorAll<HTMLElement>("button, a")];
  const at = items.indexOf(document.activeElement as HTMLElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  items[(to + items.length) % items.length]?.focus();
}
