// The working directory of a new session: completed, and checked by the daemon.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Directory } from "../wire";
import { request } from "../http";
import { home } from "../store";
import { Icon } from "../ui/icon";
import { StateMark } from "../ui/state_mark";
import { count, foreign, tilde } from "../words";
import { recent } from "./recent";

/** After the last key, in ms. */
const PAUSE = 150;

export interface Checked {
  answer: Directory | null;
  checking: boolean;
}

/** What the daemon says of a directory, a moment after the last key. */
export function useDirectory(path: string): Checked {
  const [state, setState] = useState<Checked>({ answer: null, checking: false });
  const asked = useRef(0);
  useEffect(() => {
    const number = ++asked.current;
    setState((before) => ({ answer: before.answer, checking: true }));
    const ask = async (): Promise<void> => {
      try {
        const answer = await request<Directory>("GET", `/api/directories?path=${encodeURIComponent(path)}`);
        if (number === asked.current) setState({ answer, checking: false });
      } catch {
        if (number === asked.current) setState({ answer: null, checking: false });
      }
    };
    const timer = setTimeout(() => void ask(), PAUSE);
    return () => clearTimeout(timer);
  }, [path]);
  return state;
}

interface Option {
  path: string;
  more?: string;
}

const completionsOf = (answer: Directory | null): Option[] =>
  (answer?.completions ?? []).map((path) => ({ path: tilde(path, answer?.home ?? null) }));

const recentOptions = (): Option[] =>
  recent().map(({ path, branch, live }) => ({
    path: tilde(path, home.value),
    more: [branch === null ? "" : foreign(branch), live > 0 ? `${live} live` : ""].filter(Boolean).join(" · "),
  }));

export function DirectoryField({ value, set, state }: { value: string; set: (dir: string) => void; state: Checked }) {
  const { answer, checking } = state;
  const field = useRef<HTMLInputElement>(null);
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  /** The list has the directories that were used, and not what completes the text. */
  const [recents, setRecents] = useState(false);
  const options: readonly Option[] = recents ? recentOptions() : completionsOf(answer);
  const isIt = options.length === 1 && options[0]?.path === value.replace(/\/$/, "");
  const shown = open && options.length > 0 && (recents || !isIt);
  const take = ({ path }: Option): void => {
    set(recents ? path : `${path}/`);
    setOpen(!recents);
    setAt(-1);
  };
  const openRecents = (): void => {
    setRecents(true);
    setOpen(true);
    setAt(-1);
  };
  // Half a path is not wrong while it can become one.
  const wrong = answer !== null && answer.verdict !== "usable" && !checking && !shown;
  return (
    <div class="field">
      <label for="session-dir">Working directory</label>
      <div class="dir-field">
        <Icon name="folder" />
        <input
          id="session-dir"
          ref={field}
          class="input large mono"
          data-first
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          role="combobox"
          aria-expanded={shown}
          aria-controls="session-dir-list"
          aria-autocomplete="list"
          aria-activedescendant={at >= 0 && shown ? `session-dir-${at}` : undefined}
          aria-invalid={wrong}
          aria-describedby="session-dir-help"
          value={value}
          onInput={(event) => {
            set(event.currentTarget.value);
            setRecents(false);
            setOpen(true);
            setAt(-1);
          }}
          onBlur={() => setOpen(false)}
          onKeyDown={(event) => {
            if (!shown && event.key === "ArrowDown") {
              event.preventDefault();
              return openRecents();
            }
            if (!shown) return;
            const option = options[at] ?? options[0];
            if (event.key === "ArrowDown") setAt((at + 1) % options.length);
            else if (event.key === "ArrowUp") setAt((at - 1 + options.length) % options.length);
            else if (event.key === "Tab" && !event.shiftKey && option) take(option);
            else if (event.key === "Enter" && at >= 0 && option) take(option);
            else if (event.key === "Escape") setOpen(false);
            else return;
            event.preventDefault();
            event.stopPropagation();
          }}
        />
        <button
          type="button"
          class="button ghost icon dir-recent"
          aria-label="Recent directories"
          data-tip="Recent directories"
          data-key="↓"
          aria-expanded={shown && recents}
          // The field keeps the focus, and its keys.
          onPointerDown={(event) => {
            event.preventDefault();
            field.current?.focus();
          }}
          onClick={() => (shown && recents ? setOpen(false) : openRecents())}
        >
          <Icon name="clock" />
        </button>
        {shown && (
          <ul class="dir-options" id="session-dir-list" role="listbox" aria-label="Directories">
            {options.map((option, index) => (
              <li
                key={option.path}
                id={`session-dir-${index}`}
                role="option"
                aria-selected={index === at}
                onPointerDown={(event) => {
                  event.preventDefault();
                  take(option);
                }}
              >
                <span class="truncate">{option.path}</span>
                {option.more && <span class="meta">{option.more}</span>}
              </li>
            ))}
          </ul>
        )}
      </div>
      <DirectoryHelp answer={answer} checking={checking} take={(path) => set(path)} />
    </div>
  );
}

function wrongDirectory({ verdict, detail, path, home }: Directory): string {
  if (verdict === "relative") return "Type a directory, for example ~/projects/my-app.";
  return verdict === "missing" ? `${foreign(tilde(path, home))} does not exist.` : `${detail}.`;
}

function DirectoryHelp({ answer, checking, take }: Checked & { take: (path: string) => void }) {
  const id = "session-dir-help";
  if (checking || !answer) {
    return (
      <div class="help" id={id}>
        {checking && (
          <>
            <StateMark icon="starting" size={14} />
            Checking…
          </>
        )}
      </div>
    );
  }
  if (answer.verdict !== "usable") {
    const suggestion = answer.suggestion?.replace(/(.)\/$/, "$1") ?? null;
    return (
      <div class="help wrong" id={id} role="alert">
        <Icon name="warning" size={14} />
        <span>
          {wrongDirectory(answer)}
          {suggestion !== null && (
            <>
              {" "}
              Did you mean{" "}
              <button type="button" class="text-button" onClick={() => take(tilde(suggestion, answer.home))}>
                {tilde(suggestion, answer.home)}
              </button>
              ?
            </>
          )}
        </span>
      </div>
    );
  }
  const git = answer.git;
  return (
    <div class="help good" id={id}>
      <Icon name="tick" size={14} />
      <span>
        {git ? (
          <>
            Git repository
            {git.branch && (
              <>
                {" "}
                on <code>{foreign(git.branch)}</code>
              </>
            )}
            {git.changed !== null && git.changed > 0 && (
              <span class="meta"> · {count(git.changed, "uncommitted file")}</span>
            )}
          </>
        ) : (
          <>
            Directory<span class="meta"> · not a git repository</span>
          </>
        )}
      </span>
    </div>
  );
}
