import { useState } from "preact/hooks";
import { type Action, changeKey, type Scope, shownKey, TABLE, takenBy } from "../keys_table";
import { changedKeys, keyName, keyOf } from "../shortcuts";
import { Keys } from "../ui/keys";
import { Box, BoxRow } from "./settings";

/** What no action can have: they begin, end or leave something everywhere. */
const KEPT = /^(|g|Escape|Tab|Enter|F6|⇧F6|⌘Enter|Shift|Control|Alt|Meta)$/;

export function KeysSection() {
  const changed = Object.keys(changedKeys.value).length;
  return (
    <>
      <p class="meta keys-note">
        Saved in this browser.{" "}
        {changed > 0 && (
          <button
            class="text-button"
            onClick={() => {
              for (const { scope, actions } of TABLE) for (const action of actions) changeKey(scope, action, null);
            }}
          >
            Reset all
          </button>
        )}
      </p>
      {TABLE.map(({ scope, title, actions }) => (
        <Box key={scope} title={title}>
          {actions.map((action) => (
            <KeyRow key={action.key} scope={scope} action={action} />
          ))}
        </Box>
      ))}
    </>
  );
}

function KeyRow({ scope, action }: { scope: Scope; action: Action }) {
  const [asking, setAsking] = useState(false);
  const [refused, setRefused] = useState<string | null>(null);
  const name = keyOf(scope, action.key);
  const take = (event: KeyboardEvent): void => {
    if (!asking) return;
    event.preventDefault();
    event.stopPropagation();
    if (/^(Shift|Control|Alt|Meta)$/.test(event.key)) return;
    setAsking(false);
    if (event.key === "Escape") return;
    const chosen = keyName(event);
    const taken = KEPT.test(chosen) ? "used by the page itself" : takenBy(scope, action, chosen);
    if (taken !== null) setRefused(`${chosen === "" ? "That key" : spoken(chosen)}: ${taken}`);
    else changeKey(scope, action, chosen);
  };
  return (
    <BoxRow
      title={action.word}
      what={
        refused && (
          <span class="tone-bad" role="alert">
            {refused}. Choose another key.
          </span>
        )
      }
    >
      <span class="key-now">
        {asking ? <span class="meta">Press a key · Esc cancels</span> : <Keys keys={shownKey(name)} />}
      </span>
      {action.fixed ? (
        <span class="meta key-fixed">Fixed</span>
      ) : (
        <>
          {name !== action.key && (
            <button
              class="button ghost"
              aria-label={`Reset ${action.word}`}
              onClick={() => changeKey(scope, action, null)}
            >
              Reset
            </button>
          )}
          <button
            class="button"
            aria-label={`Change the key: ${action.word}`}
            aria-pressed={asking}
            onClick={() => {
              setRefused(null);
              setAsking(!asking);
            }}
            onKeyDown={take}
            onBlur={() => setAsking(false)}
          >
            Change
          </button>
        </>
      )}
    </BoxRow>
  );
}

const spoken = (name: string): string => shownKey(name).replaceAll(" ", "");
