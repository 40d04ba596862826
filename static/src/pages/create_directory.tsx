// The working directory of a new session: completed, and checked by the daemon.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Directory } from "../wire";
import { request } from "../http";
import { Icon } from "../ui/icon";
import { StateMark } from "../ui/state_mark";
import { count, foreign, tilde } from "../words";

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

export function DirectoryField({ value, set, state }: { value: string; set: (dir: string) => void; state: Checked }) {
  const { answer, checking } = state;
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const options = (answer?.completions ?? []).map((path) => tilde(path, answer?.home ?? null));
  const shown = open && options.length > 0 && !(options.length === 1 && options[0] === value.replace(/\/$/, ""));
  const take = (path: string): void => {
    set(`${path}/`);
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
            setOpen(true);
            setAt(-1);
          }}
          onBlur={() => setOpen(false)}
          onKeyDown={(event) => {
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
        {shown && (
          <ul class="dir-options" id="session-dir-list" role="listbox" aria-label="Directories">
            {options.map((path, index) => (
              <li
                key={path}
                id={`session-dir-${index}`}
                role="option"
                aria-selected={index === at}
                onPointerDown={(event) => {
                  event.preventDefault();
                  take(path);
                }}
              >
                {path}
              </li>
            ))}
          </ul>
        )}
      </div>
      <DirectoryHelp answer={answer} checking={checking} take={(path) => set(path)} />
    </div>
  );
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
    const suggestion = answer.suggestion;
    return (
      <div class="help wrong" id={id} role="alert">
        <Icon name="warning" size={14} />
        <span>
          {answer.detail}
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
