import "../styles/dialog.css";
import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { Icon } from "./icon";

interface Props {
  title: string;
  /** `small`: a question. */
  size?: "small";
  class?: string;
  /** Whether Esc and the cross may close it now. */
  mayClose?: () => boolean;
  onClose: () => void;
  onSubmit?: () => void;
  /** Nothing in it can have the focus: the keys scroll it. */
  reads?: boolean;
  foot: ComponentChildren;
  children: ComponentChildren;
}

/** A modal dialog. The element with `data-first` has the focus first; focus goes back when it closes. */
export function Dialog({ title, size, class: name, mayClose, onClose, onSubmit, reads, foot, children }: Props) {
  const dialog = useModal();
  const heading = useId();
  const close = (): void => {
    if (!mayClose || mayClose()) onClose();
  };
  return (
    <dialog
      ref={dialog}
      class={[size, name].filter(Boolean).join(" ")}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter" && (event.metaKey || event.ctrlKey) && onSubmit) {
          event.preventDefault();
          onSubmit();
        }
        event.stopPropagation();
      }}
    >
      <form
        method="dialog"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit?.();
        }}
      >
        <div class="dialog-head">
          <h2 id={heading}>{title}</h2>
          <button type="button" class="button ghost icon" aria-label="Close" onClick={close}>
            <Icon name="close" />
          </button>
        </div>
        <div class="dialog-body" tabIndex={reads ? 0 : undefined} data-first={reads ? "" : undefined}>
          {children}
        </div>
        <div class="dialog-foot">{foot}</div>
      </form>
    </dialog>
  );
}

/** Opens a `<dialog>` as long as it is shown. */
export function useModal() {
  const dialog = useRef<HTMLDialogElement>(null);
  // Before it is drawn: the next key may come at once, and is for it.
  useLayoutEffect(() => {
    const element = dialog.current;
    if (!element) return;
    const before = document.activeElement;
    element.showModal();
    element.querySelector<HTMLElement>("[data-first]")?.focus();
    return () => {
      if (element.open) element.close();
      // What opened it may be gone by now.
      const to = before?.isConnected ? before : document.getElementById("main");
      if (to instanceof HTMLElement) to.focus();
    };
  }, []);
  return dialog;
}
