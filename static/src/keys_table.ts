// Every key of the page, by where it acts: for the sheet of shortcuts and the settings.

import { changedKeys, keyOf } from "./shortcuts";
import { isMac } from "./ui/keys";

/** Where a key acts; `everywhere` is the empty one. */
export type Scope = "" | "list" | "inbox" | "grid" | "session" | "git" | "terminal";

export interface Action {
  word: string;
  /** As `bind` names it. */
  key: string;
  /** It is what browsers, lists or programs expect there: it cannot be changed. */
  fixed?: boolean;
}

const fixed = (word: string, key: string): Action => ({ word, key, fixed: true });
const one = (word: string, key: string): Action => ({ word, key });

export const TABLE: readonly { scope: Scope; title: string; actions: readonly Action[] }[] = [
  {
    scope: "",
    title: "Everywhere",
    actions: [
      one("Command palette", "⌘k"),
      ...(isMac ? [] : [one("Command palette, also in a terminal", "⌘⇧k")]),
      one("Create Session", "c"),
      one("Sessions", "g s"),
      one("Inbox", "g i"),
      one("Grid", "g g"),
      one("Settings", "g ,"),
      one("Next session", "⌥ArrowDown"),
      one("Previous session", "⌥ArrowUp"),
      one("Next session that waits for you", "⌥n"),
      one("Shortcuts", "?"),
      fixed("Next region of the page", "F6"),
      fixed("Previous region of the page", "⇧F6"),
    ],
  },
  {
    scope: "list",
    title: "Sessions",
    actions: [
      one("Next", "j"),
      one("Previous", "k"),
      fixed("Open", "Enter"),
      one("Filter", "/"),
      one("Select", "x"),
      one("Select up to here", "⇧X"),
      one("Stop", "s"),
      one("Resume", "r"),
      one("Kill", "⇧K"),
      one("Remove", "Delete"),
      one("Name and tags", "F2"),
      one("Menu", "."),
    ],
  },
  {
    scope: "inbox",
    title: "Inbox",
    actions: [
      one("Next", "j"),
      one("Previous", "k"),
      one("Allow, or send the answer", "a"),
      one("Always: shows the rule", "⇧A"),
      one("Deny", "d"),
      fixed("Choose an option", "1 – 9"),
      one("Done", "e"),
      one("Snooze for an hour", "h"),
      fixed("Open the session", "Enter"),
    ],
  },
  {
    scope: "grid",
    title: "Grid",
    actions: [
      fixed("Type into a tile", "1 – 9"),
      fixed("Leave its terminal", "⌥Escape"),
      one("Move the tile forward", ">"),
      one("Move the tile back", "<"),
      one("Take the tile out", "Delete"),
    ],
  },
  {
    scope: "session",
    title: "Session",
    actions: [
      one("Terminal", "1"),
      one("Git", "2"),
      one("Events", "3"),
      one("Logs", "4"),
      one("Policies", "5"),
      one("Focus the terminal", "t"),
      one("Conversation", "v"),
      one("Prompt", "p"),
      one("Why this state", "w"),
      one("Fit to this screen", "⇧F"),
      one("Stop", "s"),
      one("Resume", "r"),
      one("Name and tags", "F2"),
      one("Previous event", "["),
      one("Next event", "]"),
    ],
  },
  {
    scope: "git",
    title: "Git",
    actions: [
      one("Next hunk", "j"),
      one("Previous hunk", "k"),
      one("Next file", "n"),
      one("Previous file", "p"),
      one("Next file that was not viewed", "]"),
      fixed("Next line", "ArrowDown"),
      fixed("Previous line", "ArrowUp"),
      one("Stage, unstage", " "),
      one("Choose the line", "v"),
      one("Discard", "d"),
      one("Undo the last discard", "z"),
      one("Comment", "c"),
      fixed("Send the comments", "⌘Enter"),
      one("Viewed", "x"),
      one("Split, unified", "t"),
      one("Search files", "/"),
    ],
  },
  {
    scope: "terminal",
    title: "In the terminal",
    actions: [
      fixed("Leave the terminal", "⌥Escape"),
      fixed("Search output", isMac ? "⌘f" : "⌘⇧f"),
      fixed("History", "⇧PageUp"),
      fixed("Back to live", "⇧End"),
      fixed("Copy what is selected", "⌘c"),
      fixed("Paste", "⌘v"),
    ],
  },
];

const SIGNS: Record<string, string> = {
  ArrowDown: "↓",
  ArrowUp: "↑",
  ArrowLeft: "←",
  ArrowRight: "→",
  Enter: "↵",
  Escape: "Esc",
  Delete: "Del",
  PageUp: "PgUp",
  PageDown: "PgDn",
};

/** As `Keys` shows it: `⌘ ⇧ K`. */
export function shownKey(name: string): string {
  if (name === " ") return "Space";
  const [, signs = "", key = ""] = /^([⌘⌥⇧]*)(.*)$/u.exec(name) ?? [];
  return [...signs, SIGNS[key] ?? (/^[a-z]( .)?$/.test(key) ? key.toUpperCase() : key)].join(" ");
}

/** What is shown now where `shown` was the key at first: in its scope, or in the first one that has it. */
export function currentKey(shown: string, scope?: Scope): string {
  for (const group of TABLE) {
    if (scope !== undefined && group.scope !== scope) continue;
    const action = group.actions.find(({ key }) => shownKey(key) === shown);
    if (action) return shownKey(keyOf(group.scope, action.key));
  }
  return shown;
}

/** The key of an action now, as `Keys` shows it, by the action's word. */
export function keyFor(scope: Scope, word: string): string | undefined {
  const action = TABLE.find((group) => group.scope === scope)?.actions.find((each) => each.word === word);
  return action && shownKey(keyOf(scope, action.key));
}

/** Inside of these a key comes before the same one of every page. */
const INNER: ReadonlySet<Scope> = new Set(["git", "grid"]);

/** What else the key does where this action is; null: nothing. */
export function takenBy(scope: Scope, action: Action, name: string): string | null {
  for (const group of TABLE) {
    if (scope === "" ? INNER.has(group.scope) : group.scope !== scope && group.scope !== "") continue;
    for (const other of group.actions)
      if (other.key !== action.key && keyOf(group.scope, other.key) === name) return other.word;
  }
  return null;
}

/** Null: its first key again. */
export function changeKey(scope: Scope, action: Action, name: string | null): void {
  const { [`${scope} ${action.key}`]: _, ...others } = changedKeys.value;
  const next = name === null || name === action.key ? others : { ...others, [`${scope} ${action.key}`]: name };
  changedKeys.value = next;
  localStorage.setItem("codepiper.keys", JSON.stringify(next));
}
