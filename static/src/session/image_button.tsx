import { useRef } from "preact/hooks";
import { Icon } from "../ui/icon";

export function ImageButton({ give }: { give: (files: readonly File[]) => Promise<void> }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button
        class="button ghost icon desk-only"
        aria-label="Send an image"
        data-tip="Send an image: paste and drop work too"
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
