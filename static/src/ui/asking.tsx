import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { problemOf } from "../http";
import { Dialog } from "./dialog";
import { Icon } from "./icon";

interface Props {
  title: string;
  verb: string;
  close: () => void;
  /** What was asked for is taken; why it is not stands in the dialog until something else is typed. */
  submit: () => Promise<unknown>;
  children: (wrong: string | null) => ComponentChildren;
}

/** A small dialog that asks for a word or two. */
export function Asking({ title, verb, close, submit, children }: Props) {
  const [wrong, setWrong] = useState<string | null>(null);
  const run = async (): Promise<void> => {
    try {
      await submit();
      close();
    } catch (error) {
      setWrong(problemOf(error).detail);
    }
  };
  return (
    <Dialog
      title={title}
      size="small"
      onClose={close}
      onSubmit={() => void run()}
      foot={
        <>
          <span class="grow" />
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
          <button class="button primary">{verb}</button>
        </>
      }
    >
      <div class="fields" onInput={() => setWrong(null)}>
        {children(wrong)}
      </div>
    </Dialog>
  );
}

/** The name of something; what is wrong with it takes the place of its help. */
export function NameField({
  value,
  set,
  wrong,
  help,
  mono = false,
}: {
  value: string;
  set: (value: string) => void;
  wrong: string | null;
  help: string;
  mono?: boolean;
}) {
  return (
    <div class="field">
      <label for="asked-name">Name</label>
      <input
        id="asked-name"
        class={mono ? "input mono" : "input"}
        data-first
        autocomplete="off"
        {...(mono ? { autocapitalize: "off", spellcheck: false } : {})}
        value={value}
        aria-invalid={wrong !== null}
        aria-describedby="asked-name-help"
        onInput={(event) => set(event.currentTarget.value)}
      />
      <Help id="asked-name-help" wrong={wrong} help={help} />
    </div>
  );
}

export function Help({ id, wrong, help }: { id: string; wrong: string | null; help: string }) {
  return (
    <div id={id} class={wrong === null ? "help" : "help wrong"} role={wrong === null ? undefined : "alert"}>
      {wrong !== null && <Icon name="warning" size={14} />}
      {wrong ?? help}
    </div>
  );
}
