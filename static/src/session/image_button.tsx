import { useRef } from "preact/hooks";
import { Icon } from "../ui/icon";

interface Props {
  give: (files: readonly File[]) => Promise<void>;
  class: "desk-only" | "phone-only";
}

export function ImageButton({ give, class: where }: Props) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button
        type="button"
        class={`button ghost icon ${where}`}
        aria-label="Send an image"
        data-tip="Send an image (or paste or drop one)"
        onClick={() => input.current?.click()}
      >
        <Icon name="image" />
      </button>
      <input
        ref={input}
        type="file"
        accept="image/png,image/jpeg,image/gif,image/webp"
        multiple
        hidden
        aria-label="Image"
        onChange={(event) => {
          void give([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = "";
        }}
      />
    </>
  );
}
