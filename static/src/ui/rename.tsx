import { useState } from "preact/hooks";
import { renaming } from "../actions";
import { label, rename } from "../menu_actions";
import type { Session } from "../wire";
import { Asking, NameField } from "./asking";

export function Rename() {
  return renaming.value && <RenameDialog key={renaming.value.id} session={renaming.value} />;
}

function RenameDialog({ session }: { session: Session }) {
  const [name, setName] = useState(session.name ?? "");
  const [tags, setTags] = useState(session.tags.join(" "));
  const save = async (): Promise<void> => {
    const wanted = tags.split(/[\s,]+/).filter(Boolean);
    const add = wanted.filter((tag) => !session.tags.includes(tag));
    const remove = session.tags.filter((tag) => !wanted.includes(tag));
    if (add.length + remove.length > 0) await label(session, { add, remove });
    const given = name.trim() === "" ? null : name.trim();
    if (given !== session.name) await rename(session, given);
  };
  return (
    <Asking title="Name and tags" verb="Save" close={() => (renaming.value = null)} submit={save}>
      {(wrong) => (
        <>
          <NameField value={name} set={setName} wrong={wrong} help="Leave empty to use the directory’s name." />
          <div class="field">
            <label for="asked-tags">Tags</label>
            <input
              id="asked-tags"
              class="input"
              autocomplete="off"
              autocapitalize="off"
              value={tags}
              aria-describedby="asked-tags-help"
              onInput={(event) => setTags(event.currentTarget.value)}
            />
            <div id="asked-tags-help" class="help">
              Words separated by spaces, such as review or urgent.
            </div>
          </div>
        </>
      )}
    </Asking>
  );
}
