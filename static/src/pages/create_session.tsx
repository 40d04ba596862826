import "../styles/create.css";
import { useEffect, useRef, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import type { Billing, Directory, Problem, Session, StartSession } from "../wire";
import { problemOf, request } from "../http";
import { home, inOrder, keep, providers } from "../store";
import { copyText } from "../ui/copy";
import { Dialog } from "../ui/dialog";
import { Icon } from "../ui/icon";
import { StateMark } from "../ui/state_mark";
import { Keys } from "../ui/keys";
import { toast } from "../toasts";
import { count, foreign, providerName, tilde } from "../words";
import { commandOf, splitArguments } from "../launch";
import { ask } from "../ask";
import { DangerousBox, EnvSetPicker, NO_OPTIONS, WorktreeBox, worktreeOf, type Options } from "./create_options";

/** After the last key, in ms. */
const PAUSE = 150;
const DRAFT = "codepiper.create";

interface Draft {
  provider: string;
  dir: string;
  billing: Billing;
  name: string;
  prompt: string;
  cols: string;
  rows: string;
  args: string;
  options: Options;
}

/** What was typed and not created, also after a reload. */
function readDraft(): Draft {
  const newest = inOrder.value.at(-1);
  const fresh: Draft = {
    provider: newest?.provider ?? "claude-code",
    dir: newest ? tilde(newest.cwd, home.value) : "~/",
    billing: "subscription",
    name: "",
    prompt: "",
    cols: "",
    rows: "",
    args: "",
    options: NO_OPTIONS,
  };
  try {
    return { ...fresh, ...(JSON.parse(sessionStorage.getItem(DRAFT) ?? "{}") as Partial<Draft>) };
  } catch {
    return fresh;
  }
}

export function CreateSession({ onClose }: { onClose: () => void }) {
  const { route } = useLocation();
  const [draft, setDraft] = useState(readDraft);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const [discard, setDiscard] = useState(false);
  const argsField = useRef<HTMLInputElement>(null);
  const directory = useDirectory(draft.dir);
  const known = providers.value ?? [];
  const chosen = known.find((provider) => provider.name === draft.provider);
  const set = (part: Partial<Draft>): void => {
    const next = { ...draft, ...part };
    setDraft(next);
    setProblem(null);
    sessionStorage.setItem(DRAFT, JSON.stringify(next));
  };
  const close = (): void => {
    sessionStorage.removeItem(DRAFT);
    onClose();
  };

  const setOptions = (part: Partial<Options>): void => set({ options: { ...draft.options, ...part } });
  const git = directory.answer?.git ?? null;
  const isAgent = draft.provider !== "shell";
  const worktree = git === null ? null : worktreeOf(draft.options);

  const args = splitArguments(draft.args);
  const size = draft.cols && draft.rows ? { cols: Number(draft.cols), rows: Number(draft.rows) } : null;
  const asked: StartSession = {
    provider: draft.provider,
    dir: directory.answer?.path ?? draft.dir,
    name: draft.name.trim() || null,
    prompt: draft.prompt.trim() || null,
    size,
    args: args ?? [],
    ...(chosen && chosen.billing.length > 0 ? { billing: draft.billing } : {}),
    ...(draft.options.envSets.length > 0 ? { env_sets: [...draft.options.envSets] } : {}),
    ...(worktree ? { worktree } : {}),
    ...(draft.options.dangerous && isAgent ? { dangerous: true } : {}),
  };
  const confirm = (): void => {
    if (args === null) return argsField.current?.focus();
    if (asked.dangerous !== true) return void create();
    ask({
      title: "Start without any question?",
      text: `The agent will run every command and change every file that you could, from ${asked.dir}, without asking. It is not started again by itself after a reboot.`,
      verb: "Start it",
      destroys: true,
      run: create,
    });
  };
  const create = async (): Promise<void> => {
    if (busy) return;
    setBusy(true);
    try {
      const session = await request<Session>("POST", "/api/sessions", asked);
      keep(session);
      close();
      route(`/sessions/${session.id}`);
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  const copy = async (): Promise<void> => {
    if (args === null) return argsField.current?.focus();
    if (await copyText(commandOf(asked))) toast({ text: "Command copied." });
  };

  return (
    <Dialog
      title="Create Session"
      class="create-dialog"
      onClose={close}
      mayClose={() => {
        if (draft.prompt.trim() === "" || discard) return true;
        setDiscard(true);
        return false;
      }}
      onSubmit={confirm}
      foot={
        discard ? (
          <>
            <span class="grow" role="alert">
              Discard the prompt?
            </span>
            <button type="button" class="button" onClick={() => setDiscard(false)}>
              Keep writing
            </button>
            <button type="button" class="button destroy" onClick={close}>
              Discard
            </button>
          </>
        ) : (
          <>
            <button type="button" class="button ghost" onClick={() => void copy()}>
              <Icon name="copy" size={14} />
              Copy as command
            </button>
            <span class="grow" />
            <button type="button" class="button" onClick={close}>
              Cancel
            </button>
            <button class="button primary" disabled={busy}>
              {busy ? "Creating…" : "Create"}
              <Keys keys="⌘ ↵" />
            </button>
          </>
        )
      }
    >
      <div class="fields">
        {problem && (
          <div class="notice bad" role="alert">
            <Icon name="warning" />
            <span>{problem.detail}</span>
          </div>
        )}
        <fieldset class="plain">
          <legend class="label">Provider</legend>
          <div class="tiles">
            {known.map((provider) => (
              <label key={provider.name} class="tile" title={provider.found ?? undefined}>
                <input
                  type="radio"
                  name="provider"
                  value={provider.name}
                  checked={draft.provider === provider.name}
                  disabled={provider.found === null}
                  onChange={() => set({ provider: provider.name })}
                />
                <b>{providerName(provider.name)}</b>
                <span class="truncate">
                  {provider.found === null ? "not installed" : (provider.found.split("/").at(-1) ?? provider.program)}
                </span>
              </label>
            ))}
          </div>
          {chosen?.found === null && (
            <div class="help wrong">
              <Icon name="warning" size={14} />
              {chosen.program} was not found on the daemon’s PATH.
            </div>
          )}
        </fieldset>
        <DirectoryField value={draft.dir} set={(dir) => set({ dir })} state={directory} />
        {git && <WorktreeBox options={draft.options} set={setOptions} git={git} />}
        {chosen && chosen.billing.length > 0 && (
          <fieldset class="plain">
            <legend class="label">Billing mode</legend>
            <div class="tiles">
              <BillingTile
                mode="subscription"
                chosen={draft.billing}
                set={set}
                word="Subscription"
                what="API keys are removed from the environment"
              />
              <BillingTile
                mode="api"
                chosen={draft.billing}
                set={set}
                word="API"
                what="Pays per token; needs an API key"
              />
            </div>
          </fieldset>
        )}
        <div class="field">
          <label for="session-name">
            Name<span class="meta">optional</span>
          </label>
          <input
            id="session-name"
            class="input"
            autocomplete="off"
            value={draft.name}
            placeholder={directory.answer?.path.split("/").at(-1) ?? ""}
            onInput={(event) => set({ name: event.currentTarget.value })}
          />
        </div>
        {draft.provider !== "shell" && (
          <div class="field">
            <label for="session-prompt">
              First prompt<span class="meta">optional; sent when the agent is ready</span>
            </label>
            <textarea
              id="session-prompt"
              class="input"
              rows={2}
              value={draft.prompt}
              onInput={(event) => set({ prompt: event.currentTarget.value })}
            />
          </div>
        )}
        <EnvSetPicker options={draft.options} set={setOptions} />
        {isAgent && <DangerousBox options={draft.options} set={setOptions} />}
        <details class="more" open={draft.args !== "" || draft.cols !== ""}>
          <summary>
            <Icon name="right" size={14} />
            Size, extra arguments
          </summary>
          <div class="more-body">
            <div class="size-fields">
              <div class="field">
                <label for="session-cols">Columns</label>
                <input
                  id="session-cols"
                  class="input"
                  inputMode="numeric"
                  placeholder="120"
                  value={draft.cols}
                  onInput={(event) => set({ cols: event.currentTarget.value.replace(/\D/g, "") })}
                />
              </div>
              <div class="field">
                <label for="session-rows">Rows</label>
                <input
                  id="session-rows"
                  class="input"
                  inputMode="numeric"
                  placeholder="36"
                  value={draft.rows}
                  onInput={(event) => set({ rows: event.currentTarget.value.replace(/\D/g, "") })}
                />
              </div>
            </div>
            <div class="field">
              <label for="session-args">
                {draft.provider === "shell" ? "Command" : "Extra arguments"}
                <span class="meta">
                  {draft.provider === "shell" ? "optional; without it, your shell" : "for the provider’s program"}
                </span>
              </label>
              <input
                id="session-args"
                ref={argsField}
                class="input mono"
                autocomplete="off"
                autocapitalize="off"
                spellcheck={false}
                value={draft.args}
                aria-invalid={args === null}
                aria-describedby="session-args-problem"
                onInput={(event) => set({ args: event.currentTarget.value })}
              />
              <span id="session-args-problem" class="meta tone-bad" role="status">
                {args === null && "A quote has no end."}
              </span>
            </div>
          </div>
        </details>
      </div>
    </Dialog>
  );
}

function BillingTile({
  mode,
  chosen,
  set,
  word,
  what,
}: {
  mode: Billing;
  chosen: Billing;
  set: (part: Partial<Draft>) => void;
  word: string;
  what: string;
}) {
  return (
    <label class="tile">
      <input
        type="radio"
        name="billing"
        value={mode}
        checked={chosen === mode}
        onChange={() => set({ billing: mode })}
      />
      <b>{word}</b>
      <span>{what}</span>
    </label>
  );
}

interface Checked {
  answer: Directory | null;
  checking: boolean;
}

/** What the daemon says of a directory, a moment after the last key. */
function useDirectory(path: string): Checked {
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

function DirectoryField({ value, set, state }: { value: string; set: (dir: string) => void; state: Checked }) {
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
            Looking…
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
