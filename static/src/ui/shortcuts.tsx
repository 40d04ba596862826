import "../styles/palette.css";
import { Dialog } from "./dialog";
import { Keys } from "./keys";
import { shownKey, TABLE } from "../keys_table";
import { keyOf } from "../shortcuts";

export function Shortcuts({ onClose }: { onClose: () => void }) {
  return (
    <Dialog
      title="Shortcuts"
      class="shortcut-sheet"
      reads
      onClose={onClose}
      foot={
        <span class="meta">
          <a href="/settings/keys" onClick={onClose}>
            Change keys
          </a>
          . Single-key shortcuts can be turned off in{" "}
          <a href="/settings" onClick={onClose}>
            Settings
          </a>
          .
        </span>
      }
    >
      <div class="shortcut-groups">
        {TABLE.map(({ scope, title, actions }) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {actions.map(({ word, key }) => (
                <div key={word}>
                  <dt>{word}</dt>
                  <dd>
                    <Keys keys={shownKey(keyOf(scope, key))} />
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
