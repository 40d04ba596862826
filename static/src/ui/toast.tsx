import { dismiss, leave, stay, toasts } from "../toasts";
import { Icon } from "./icon";

export function Toasts() {
  return (
    <div class="toasts" role="status">
      {toasts.value.map(({ id, text, bad, icon, action }) => (
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
