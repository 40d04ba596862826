import "../styles/palette.css";
import { useEffect, useRef, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { attachCommand } from "../menu_actions";
import type { Session } from "../wire";
import { signOut } from "../login";
import { openOverlay } from "../overlay";
import { pageActions } from "../page_actions";
import { shownTheme } from "../preferences";
import { isAgent } from "../providers";
import { matches } from "../session_list";
import { home, inOrder, isUnseen, now, sessions } from "../store";
import { chooseTheme } from "../theme";
import { duration, foreign, isLive, nameOf, stateOf, tilde } from "../words";
import { currentKey, keyFor } from "../keys_table";
import { useModal } from "./dialog";
import { Icon, type IconName } from "./icon";
import { entries as menuOf } from "./session_menu";
import { StateMark } from "./state_mark";
import { Keys } from "./keys";

interface Entry {
  group: string;
  word: string;
  more?: string;
  key?: string | undefined;
  icon: preact.ComponentChild;
  href?: string;
  run: () => void;
}

export function Palette({ onClose }: { onClose: () => void }) {
  const { route, path } = useLocation();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const dialog = useModal();
  const found = entries(text, path, route);
  const run = (entry: Entry | undefined, newTab: boolean): void => {
    if (!entry) return;
    onClose();
    if (newTab && entry.href) window.open(entry.href, "_blank", "noopener");
    // What it opens may be a dialog: after this one has given the focus back.
    else setTimeout(entry.run);
  };
  return (
    <dialog
      ref={dialog}
      class="palette"
      aria-label="Command palette"
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === event.currentTarget) onClose();
      }}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "ArrowDown") setAt((at + 1) % Math.max(1, found.length));
        else if (event.key === "ArrowUp") setAt((at - 1 + found.length) % Math.max(1, found.length));
        else if (event.key === "Enter") run(found[at], event.metaKey || event.ctrlKey);
        else return;
        event.preventDefault();
      }}
    >
      <div class="palette-head">
        <Icon name="search" />
        <input
          data-first
          role="combobox"
          aria-expanded="true"
          aria-controls="palette-list"
          aria-activedescendant={found.length > 0 ? `palette-${at}` : undefined}
          aria-label="Find a session or an action"
          placeholder="Find a session or an action"
          autocomplete="off"
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setAt(0);
          }}
        />
        <kbd>esc</kbd>
      </div>
      <Found found={found} at={at} text={text} point={setAt} run={run} />
      <div class="palette-foot" aria-hidden="true">
        <kbd>↑</kbd>
        <kbd>↓</kbd> move <kbd>↵</kbd> run <Keys keys="⌘ ↵" /> in a new tab
      </div>
    </dialog>
  );
}

interface FoundProps {
  found: readonly Entry[];
  at: number;
  text: string;
  point: (at: number) => void;
  run: (entry: Entry, newTab: boolean) => void;
}

function Found({ found, at, text, point, run }: FoundProps) {
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [at, text]);
  let group = "";
  return (
    <ul id="palette-list" role="listbox" aria-label="Sessions and actions" ref={list}>
      {found.map((entry, index) => {
        const heading = entry.group === group ? null : entry.group;
        group = entry.group;
        return (
          <>
            {heading && (
              <li key={heading} class="palette-group" role="presentation">
                {heading}
              </li>
            )}
            <li
              key={entry.group + entry.word + entry.more}
              id={`palette-${index}`}
              role="option"
              class="palette-entry"
              aria-selected={index === at}
              onPointerMove={() => point(index)}
              onClick={(event) => run(entry, event.metaKey || event.ctrlKey)}
            >
              {entry.icon}
              <span class="truncate">{entry.word}</span>
              <span class="meta truncate">{entry.more}</span>
              {index === at ? <kbd>↵</kbd> : entry.key && <Keys keys={entry.key} />}
            </li>
          </>
        );
      })}
      {found.length === 0 && (
        <li class="palette-none" role="presentation">
          Nothing matches “{text}”.
        </li>
      )}
    </ul>
  );
}

const icon = (name: IconName): preact.ComponentChild => <Icon name={name} />;

function entries(text: string, path: string, route: (to: string) => void): Entry[] {
  const all = inOrder.value.filter((session) => matches(session, text));
  const live = all.filter(isLive).reverse();
  const ended = all.filter((session) => !isLive(session)).reverse();
  const open = sessions.value?.get(path.split("/")[2] ?? "");
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (entry: Entry): boolean =>
    words.every((word) => `${entry.word} ${entry.more ?? ""}`.toLowerCase().includes(word));
  const dark = shownTheme.value === "dark";
  const everywhere: Entry[] = [
    {
      group: "Actions",
      word: "Create Session",
      key: keyFor("", "Create Session"),
      icon: icon("plus"),
      run: () => openOverlay("create"),
    },
    {
      group: "Actions",
      word: dark ? "Light theme" : "Dark theme",
      icon: icon(dark ? "sun" : "moon"),
      run: () => chooseTheme(dark ? "light" : "dark"),
    },
    {
      group: "Actions",
      word: "Shortcuts",
      key: keyFor("", "Shortcuts"),
      icon: icon("keys"),
      run: () => openOverlay("shortcuts"),
    },
    { group: "Actions", word: "Sign out", icon: icon("signOut"), run: () => void signOut() },
    ...(
      [
        ["Sessions", "/", "sessions", ""],
        ["Inbox", "/inbox", "inbox", "what needs you"],
        ["Grid", "/grid", "grid", "live terminals side by side"],
        ["Grid: Waiting", "/grid?show=waiting", "grid", "terminals that wait for you"],
        ["Settings", "/settings", "settings", "appearance, terminal"],
        ["Settings: Notifications", "/settings/notifications", "bell", "push, quiet hours, sound"],
        ["Settings: Audit", "/settings/audit", "lock", "who decided and did what"],
        ["Settings: Security", "/settings/security", "lock", "password, authenticator, devices"],
      ] as const
    ).map(([word, href, name, more]): Entry => ({
      group: "Go to",
      word,
      more,
      href,
      key: keyFor("", word),
      icon: icon(name),
      run: () => route(href),
    })),
  ];
  return [
    ...[...live, ...ended].slice(0, 8).map((session): Entry => sessionEntry(session, route)),
    ...(open ? inSession(open, route) : []).filter(fits),
    ...everywhere.filter(fits),
  ];
}

function sessionEntry(session: Session, route: (to: string) => void): Entry {
  const state = stateOf(session, isUnseen(session));
  const href = `/sessions/${session.id}`;
  const ended = isLive(session)
    ? foreign(session.branch ?? "")
    : `ended ${duration(now.value - Date.parse(session.state_since))} ago`;
  return {
    group: "Sessions",
    word: nameOf(session),
    more: [foreign(tilde(session.cwd, home.value)), ended].filter(Boolean).join(" · "),
    href,
    icon: (
      <span class={`tone-${state.tone}`}>
        <StateMark icon={state.icon} />
      </span>
    ),
    run: () => route(href),
  };
}

/** What can be done to the session that is open; its page adds what only it can do. */
function inSession(session: Session, route: (to: string) => void): Entry[] {
  const group = `In ${nameOf(session)}`;
  const base = `/sessions/${session.id}`;
  const more: Record<string, string> = {
    Stop: isAgent(session.provider) ? "asks the agent to quit" : "",
    "Copy attach command": attachCommand(session),
  };
  return [
    ...pageActions.value.map((action): Entry => ({
      group,
      word: action.word,
      key: action.key && keyFor("session", action.key),
      icon: icon(action.icon),
      run: action.run,
    })),
    ...(
      [
        ["Terminal", "", "sessions"],
        ["Git", "/git", "branch"],
        ["Events", "/events", "bell"],
        ["Logs", "/logs", "clock"],
        ["Policies", "/policies", "lock"],
      ] as const
    ).map(([word, tab, name]): Entry => ({
      group,
      word: `Open ${word}`,
      key: keyFor("session", word),
      icon: icon(name),
      href: base + tab,
      run: () => route(base + tab),
    })),
    ...menuOf(
      session,
      () => route("/"),
      ({ id }) => route(`/sessions/${id}`),
    ).map((entry): Entry => ({
      group,
      word: entry.word,
      more: more[entry.word] ?? "",
      key: entry.key && currentKey(entry.key, "session"),
      icon: icon(entry.icon),
      run: entry.run,
    })),
  ];
}
