import { useState } from "preact/hooks";
import { question, type Question } from "../ask";
import { problemOf } from "../http";
import { Dialog } from "./dialog";
import { Icon } from "./icon";

export function Confirm() {
  return question.value && <Asked key={question.value.title} {...question.value} />;
}

function Asked({ title, text, verb, destroys, confirms, run }: Question) {
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<string | null>(null);
  const close = (): void => {
    question.value = null;
  };
  const act = async (): Promise<void> => {
    setBusy(true);
    try {
      await run();
      close();
    } catch (error) {
      setFailed(problemOf(error).detail);
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={title}
      size="small"
      onClose={close}
      foot={
        <>
          <span class="grow" />
          <button type="button" class="button" data-first={confirms ? undefined : ""} onClick={close}>
            Cancel
          </button>
          <button
            type="button"
            class={destroys ? "button destroy" : "button primary"}
            data-first={confirms ? "" : undefined}
            disabled={busy}
            onClick={() => void act()}
          >
            {busy ? "Working…" : verb}
          </button>
        </>
      }
    >
      <p>{text}</p>
      {failed && (
        <p class="help wrong" role="alert">
          <Icon name="warning" size={14} />
          {failed}
        </p>
      )}
    </Dialog>
  );
}
