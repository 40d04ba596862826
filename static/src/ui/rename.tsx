import { useState } from "preact/hooks";
import { rename, renaming } from "../actions";
import { problemOf } from "../http";
import type { Session } from "../wire";
import { Dialog } from "./dialog";
import { Icon } from "./icon";

export function Rename() {
  return renaming.value && <RenameDialog key={renaming.value.id} session={renaming.value} />;
}

function RenameDialog({ session }: { session: Session }) {
  const [name, setName] = useState(session.name ?? "");
  const [wrong, setWrong] = useState<string | null>(null);
  const close = (): void => {
    renaming.value = null;
  };
  const submit = async (): Promise<void> => {
    try {
      await rename(session, name.trim() === "" ? null : name.trim());
      close();
    } catch (error) {
      setWrong(problemOf(error).detail);
    }
  };
  return (
    <Dialog
      title="Rename"
      size="small"
      onClose={close}
      onSubmit={() => void submit()}
      foot={
        <>
          <span class="grow" />
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
          <button class="button primary">Rename</button>
        </>
      }
    >
      <div class="field">
        <label for="new-name">Name</label>
        <input
          id="new-name"
          class="input"
          data-first
          autocomplete="off"
          value={name}
          aria-invalid={wrong !== null}
          aria-describedby="new-name-help"
          onInput={(event) => {
            setName(event.currentTarget.value);
            setWrong(null);
          }}
        />
        <div id="new-name-help" class={wrong ? "help wrong" : "help"}>
          {wrong ? (
            <>
              <Icon name="warning" size={14} />
              {wrong}
            </>
          ) : (
            "Empty: it is called by its directory."
          )}
        </div>
      </div>
    </Dialog>
  );
}
