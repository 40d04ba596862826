import "../styles/palette.css";
import { Dialog } from "./dialog";
import { isMac, Keys } from "./keys";

const GROUPS: readonly [string, readonly (readonly [string, string])[]][] = [
  [
    "Everywhere",
    [
      ["Command palette", "⌘ K"],
      ["Create Session", "C"],
      ["Sessions, Settings", "G S / G ,"],
      ["Next, previous session", "⌥ ↓ ⌥ ↑"],
      ["Next session that waits for you", "⌥ N"],
      ["Next, previous region of the page", "F6 ⇧ F6"],
      ["This list", "?"],
    ],
  ],
  [
    "Lists",
    [
      ["Move", "J K"],
      ["Open", "↵"],
      ["Filter", "/"],
      ["Select", "X"],
      ["Stop", "S"],
      ["Resume", "R"],
      ["Rename", "F2"],
      ["Menu", "."],
    ],
  ],
  [
    "Session",
    [
      ["Terminal, Git, Events, Logs", "1 - 4"],
      ["Focus the terminal", "T"],
      ["Prompt", "P"],
      ["Why this state", "W"],
      ["Fit to this screen", "⇧ F"],
      ["Previous, next event", "[ ]"],
    ],
  ],
  [
    "Git",
    [
      ["Next, previous hunk", "J K"],
      ["Next, previous file", "N P"],
      ["Next file that was not viewed", "]"],
      ["Line", "↓ ↑"],
      ["Stage, unstage", "Space"],
      ["Choose the line", "V"],
      ["Discard", "D"],
      ["Undo the last discard", "Z"],
      ["Comment", "C"],
      ["Send the comments", "⌘ ↵"],
      ["Viewed", "X"],
      ["Split, unified", "T"],
      ["Search files", "/"],
    ],
  ],
  [
    "In the terminal",
    [
      ["Leave the terminal", "⌥ Esc"],
      ["Next, previous session", "⌥ ↓ ⌥ ↑"],
      ["Next session that waits for you", "⌥ N"],
      ["Command palette", isMac ? "⌘ K" : "⌘ ⇧ K"],
      ["Search output", isMac ? "⌘ F" : "⌘ ⇧ F"],
      ["History", "⇧ PgUp"],
      ["Back to live", "⇧ End"],
      ["Copy what is selected", "⌘ C"],
      ["Paste", isMac ? "⌘ V" : "⌘ ⇧ V"],
    ],
  ],
];

export function Shortcuts({ onClose }: { onClose: () => void }) {
  return (
    <Dialog
      title="Shortcuts"
      class="shortcut-sheet"
      reads
      onClose={onClose}
      foot={<span class="meta">Single-key shortcuts can be turned off in Settings.</span>}
    >
      <div class="shortcut-groups">
        {GROUPS.map(([group, keys]) => (
          <section key={group}>
            <h3>{group}</h3>
            <dl>
              {keys.map(([word, key]) => (
                <div key={word}>
                  <dt>{word}</dt>
                  <dd>
                    <Keys keys={key} />
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
