import { useLayoutEffect, useRef } from "preact/hooks";
import { dismiss, leave, stay, toasts } from "../toasts";
import { Icon } from "./icon";

/** What one types or presses at the lower edge of the window: nothing may cover it. */
const FREE = ".composer, .commit-box, .key-strip, .tool-bar, .bottom-bar";

/** How high these are, from the window's lower edge. */
function heightBelow(): number {
  const tops = [...document.querySelectorAll(FREE)].flatMap((each) => {
    const { top, height } = each.getBoundingClientRect();
    // On a phone the tool bar is above the terminal.
    return height > 0 && top > innerHeight * 0.3 ? [top] : [];
  });
  return innerHeight - Math.min(innerHeight, ...tops);
}

export function Toasts() {
  const own = useRef<HTMLDivElement>(null);
  const shown = toasts.value;
  useLayoutEffect(() => {
    if (shown.length === 0) return;
    const place = (): void => own.current?.style.setProperty("--below", `${heightBelow()}px`);
    // A field opens, or grows with what is typed into it.
    const soon = (): number => requestAnimationFrame(place);
    const moves = ["focusin", "input", "resize"];
    place();
    for (const kind of moves) addEventListener(kind, soon);
    return () => {
      for (const kind of moves) removeEventListener(kind, soon);
    };
  }, [shown]);
  return (
    <div class="toasts" role="status" ref={own}>
      {shown.map(({ id, text, bad, icon, action }) => (
        <div
          key={id}
          class={bad ? "toast bad" : "toast"}
          onPointerEnter={() => stay(id)}
          onPointerLeave={() => leave(id)}
          onFocusIn={() => stay(id)}
          onFocusOut={() => leave(id)}
        >
          <Icon name={bad ? "warning" : (icon ?? "tick")} />
          <span>{text}</span>
          {action && (
            <button
              class="button ghost"
              onClick={() => {
                dismiss(id);
                action.run();
              }}
            >
              {action.label}
            </button>
          )}
          <button class="button ghost icon" aria-label="Dismiss" onClick={() => dismiss(id)}>
            <Icon name="close" size={14} />
          </button>
        </div>
      ))}
    </div>
  );
}
