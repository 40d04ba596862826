import "../styles/create.css";
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import type { Billing, Directory, Models, Problem, Provider, ProviderCheck, Session } from "../wire";
import { problemOf, request } from "../http";
import { firstChoice, providers } from "../providers";
import { keep } from "../store";
import { copyText } from "../ui/copy";
import { Dialog } from "../ui/dialog";
import { Icon } from "../ui/icon";
import { Keys } from "../ui/keys";
import { toast } from "../toasts";
import { commandOf, splitArguments } from "../launch";
import { program } from "../menu_actions";
import { ask } from "../ask";
import { keptGrid, setFollowing } from "../terminal/following";
import { DirectoryField, useDirectory } from "./create_directory";
import { rememberDirectory } from "./recent";
import { forgetDraft, keepDraft, readDraft, requestOf, type Draft } from "./create_draft";
import { TemplateFoot, TemplatePicker } from "./create_templates";
import { DangerousBox, EnvSetPicker, WorktreeBox, type Options } from "./create_options";

export function CreateSession({ onClose }: { onClose: () => void }) {
  const { route } = useLocation();
  const [draft, setDraft] = useState(readDraft);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const [discard, setDiscard] = useState(false);
  const [naming, setNaming] = useState(false);
  const argsField = useRef<HTMLInputElement>(null);
  const directory = useDirectory(draft.dir);
  const chosen = providers.value?.find((provider) => provider.name === draft.provider) ?? firstChoice();
  const asked = requestOf(draft, chosen, directory.answer);
  const set = (part: Partial<Draft>): void => {
    const next = { ...draft, ...part };
    setDraft(next);
    setProblem(null);
    keepDraft(next);
  };
  const close = (): void => {
    forgetDraft();
    onClose();
  };
  const create = async (): Promise<void> => {
    if (busy) return;
    setBusy(true);
    try {
      const session = await request<Session>("POST", "/api/sessions", asked);
      keep(session);
      rememberDirectory(asked.dir);
      // Unless it shall have another size.
      if (draft.cols === "") setFollowing(session.id, true);
      close();
      route(`/sessions/${session.id}`);
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  /** Unless the arguments cannot be read: then the focus goes there. */
  const withArguments = (run: () => void) => (): void =>
    splitArguments(draft.args) === null ? argsField.current?.focus() : run();
  const submit = withArguments(() => {
    if (asked.dangerous !== true) return void create();
    ask({
      title: "Start without permission prompts?",
      text: `Starting in ${asked.dir}, the agent will run any command and change any file that you can, without asking. It is not restarted automatically after a reboot.`,
      verb: "Start",
      destroys: true,
      run: create,
    });
  });
  const copy = withArguments(() => {
    void copyText(commandOf(asked, program())).then((copied) => copied && toast({ text: "Command copied." }));
  });
  const mayClose = (): boolean => {
    if (draft.prompt.trim() === "" || discard) return true;
    setDiscard(true);
    return false;
  };
  return (
    <Dialog
      title="Create Session"
      class="create-dialog"
      onClose={close}
      mayClose={mayClose}
      onSubmit={submit}
      foot={
        discard ? (
          <DiscardFoot stay={() => setDiscard(false)} close={close} />
        ) : naming ? (
          <TemplateFoot draft={draft} close={() => setNaming(false)} />
        ) : (
          <Foot busy={busy} copy={copy} template={() => setNaming(true)} close={close} />
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
        <TemplatePicker choose={(template) => set(template)} />
        <ProviderTiles set={set} chosen={chosen} />
        <DirectoryField value={draft.dir} set={(dir) => set({ dir })} state={directory} />
        {chosen?.agent === false && <ArgumentsField draft={draft} set={set} chosen={chosen} field={argsField} />}
        <Details draft={draft} set={set} chosen={chosen} directory={directory.answer} />
        <More draft={draft} set={set} chosen={chosen} argsField={argsField} />
      </div>
    </Dialog>
  );
}

interface FootProps {
  busy: boolean;
  copy: () => void;
  template: () => void;
  close: () => void;
}

function Foot({ busy, copy, template, close }: FootProps) {
  return (
    <>
      <button type="button" class="button ghost" onClick={copy}>
        <Icon name="copy" size={14} />
        Copy as command
      </button>
      <button type="button" class="button ghost" onClick={template}>
        Save as template
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
  );
}

function DiscardFoot({ stay, close }: { stay: () => void; close: () => void }) {
  return (
    <>
      <span class="grow" role="alert">
        Discard the prompt?
      </span>
      <button type="button" class="button" onClick={stay}>
        Keep writing
      </button>
      <button type="button" class="button destroy" onClick={close}>
        Discard
      </button>
    </>
  );
}

interface Part {
  draft: Draft;
  set: (part: Partial<Draft>) => void;
}

function ProviderTiles({ set, chosen }: Pick<Part, "set"> & { chosen: Provider | undefined }) {
  const checked = useChecks();
  return (
    <fieldset class="plain">
      <legend class="label">Provider</legend>
      <div class="tiles">
        {(providers.value ?? []).map((provider) => (
          <label key={provider.name} class="tile" title={provider.found ?? undefined}>
            <input
              type="radio"
              name="provider"
              value={provider.name}
              checked={chosen === provider}
              disabled={provider.found === null}
              onChange={() => set({ provider: provider.name })}
            />
            <b>{provider.label}</b>
            <TileFacts provider={provider} check={checked.get(provider.name) ?? null} />
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
  );
}

/** What the programs say of themselves, once they have said it. */
function useChecks(): ReadonlyMap<string, ProviderCheck> {
  const [checks, setChecks] = useState<ReadonlyMap<string, ProviderCheck>>(new Map());
  useEffect(() => {
    const load = async (): Promise<void> => {
      try {
        const checked = await request<Provider[]>("GET", "/api/providers?check=true");
        setChecks(new Map(checked.flatMap(({ name, check }) => (check ? [[name, check]] : []))));
      } catch {
        // Without it the tiles say less.
      }
    };
    void load();
  }, []);
  return checks;
}

function TileFacts({ provider, check }: { provider: Provider; check: ProviderCheck | null }) {
  if (provider.found === null) return <span>not installed</span>;
  const version = check?.version ?? provider.found.split("/").at(-1) ?? provider.program;
  return (
    <span class="truncate">
      {version}
      {check?.sign_in?.signed_in === false && <span class="tone-warm"> · not signed in</span>}
    </span>
  );
}

/** What depends on the provider and the directory. */
function Details({
  draft,
  set,
  chosen,
  directory,
}: Part & { chosen: Provider | undefined; directory: Directory | null }) {
  const setOptions = (part: Partial<Options>): void => set({ options: { ...draft.options, ...part } });
  return (
    <>
      {directory?.git && <WorktreeBox options={draft.options} set={setOptions} git={directory.git} />}
      {chosen && chosen.billing.length > 0 && <BillingTiles draft={draft} set={set} />}
      <div class="field">
        <label for="session-name">
          Name<span class="meta">optional</span>
        </label>
        <input
          id="session-name"
          class="input"
          autocomplete="off"
          value={draft.name}
          placeholder={directory?.path.split("/").at(-1) ?? ""}
          onInput={(event) => set({ name: event.currentTarget.value })}
        />
      </div>
      {chosen?.agent && (
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
      {chosen?.models && <ModelField draft={draft} set={set} models={chosen.models} />}
      <EnvSetPicker options={draft.options} set={setOptions} />
      {chosen?.dangerous && <DangerousBox options={draft.options} set={setOptions} />}
    </>
  );
}

function ModelField({ draft, set, models }: Part & { models: Models }) {
  return (
    <div class="field">
      <label for="session-model">
        Model<span class="meta">optional; this session only</span>
      </label>
      <input
        id="session-model"
        class="input"
        list="session-models"
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        placeholder="The agent’s default"
        value={draft.model}
        onInput={(event) => set({ model: event.currentTarget.value })}
      />
      <datalist id="session-models">
        {models.offered.map((name) => (
          <option key={name} value={name.toLowerCase()} />
        ))}
      </datalist>
    </div>
  );
}

const BILLING: readonly (readonly [Billing, string, string])[] = [
  ["subscription", "Subscription", "Uses the signed-in account; API keys are hidden from the agent"],
  ["api", "API", "Pays per token; needs an API key"],
];

function BillingTiles({ draft, set }: Part) {
  return (
    <fieldset class="plain">
      <legend class="label">Billing mode</legend>
      <div class="tiles">
        {BILLING.map(([mode, word, what]) => (
          <label key={mode} class="tile">
            <input
              type="radio"
              name="billing"
              value={mode}
              checked={draft.billing === mode}
              onChange={() => set({ billing: mode })}
            />
            <b>{word}</b>
            <span>{what}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** The arguments of the program; of a shell, its command. */
function ArgumentsField({
  draft,
  set,
  chosen,
  field,
}: Part & { chosen: Provider | undefined; field: RefObject<HTMLInputElement | null> }) {
  const label = chosen?.arguments.label ?? "Extra arguments";
  const unreadable = splitArguments(draft.args) === null;
  return (
    <div class="field">
      <label for="session-args">
        {label}
        <span class="meta">{chosen?.arguments.hint}</span>
      </label>
      <input
        id="session-args"
        ref={field}
        class="input mono"
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        value={draft.args}
        aria-invalid={unreadable}
        aria-describedby="session-args-problem"
        onInput={(event) => set({ args: event.currentTarget.value })}
      />
      <span id="session-args-problem" class="meta tone-bad" role="status">
        {unreadable && "Unclosed quote."}
      </span>
    </div>
  );
}

/** What few sessions need. */
function More({
  draft,
  set,
  chosen,
  argsField,
}: Part & { chosen: Provider | undefined; argsField: RefObject<HTMLInputElement | null> }) {
  const label = chosen?.arguments.label ?? "Extra arguments";
  const grid = keptGrid();
  const isAgent = chosen?.agent !== false;
  return (
    <details class="more" open={(isAgent && draft.args !== "") || draft.cols !== ""}>
      <summary>
        <Icon name="right" size={14} />
        {isAgent ? `${label}, size` : "Size"}
      </summary>
      <div class="more-body">
        <div class="size-fields">
          <NumberField name="cols" word="Columns" placeholder={grid?.cols ?? 120} draft={draft} set={set} />
          <NumberField name="rows" word="Rows" placeholder={grid?.rows ?? 32} draft={draft} set={set} />
        </div>
        {chosen?.agent !== false && <ArgumentsField draft={draft} set={set} chosen={chosen} field={argsField} />}
      </div>
    </details>
  );
}

function NumberField({
  name,
  word,
  placeholder,
  draft,
  set,
}: Part & { name: "cols" | "rows"; word: string; placeholder: number }) {
  return (
    <div class="field">
      <label for={`session-${name}`}>{word}</label>
      <input
        id={`session-${name}`}
        class="input"
        inputMode="numeric"
        placeholder={String(placeholder)}
        value={draft[name]}
        onInput={(event) => set({ [name]: event.currentTarget.value.replace(/\D/g, "") })}
      />
    </div>
  );
}
