import { useState } from "preact/hooks";
import { rename, renaming } from "../actions";
import type { Session } from "../wire";
import { Asking, NameField } from "./asking";

export function Rename() {
  return renaming.value && <RenameDialog key={renaming.value.id} session={renaming.value} />;
}

function RenameDialog({ session }: { session: Session }) {
  const [name, setName] = useState(session.name ?? "");
  return (
    <Asking
      title="Rename"
      verb="Rename"
      close={() => (renaming.value = null)}
      submit={() => rename(session, name.trim() === "" ? null : name.trim())}
    >
      {(wrong) => (
        <NameField value={name} set={setName} wrong={wrong} help="Leave empty to use the directory’s name." />
      )}
    </Asking>
  );
}
