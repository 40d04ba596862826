import { useEffect, useState } from "preact/hooks";
import type { EnvSet, EnvSets, EnvVariable, Problem, SessionId } from "../wire";
import { ask } from "../ask";
import { problemOf, request } from "../http";
import { home, now, sessions } from "../store";
import { toast } from "../toasts";
import { Asking, Help, NameField } from "../ui/asking";
import { copyText } from "../ui/copy";
import { Icon } from "../ui/icon";
import { SecretInput } from "../ui/secret_input";
import { fullTime, count, duration, nameOf, tilde } from "../words";
import { Box, BoxRow } from "./settings";

const path = (name: string): string => `/api/env-sets/${encodeURIComponent(name)}`;

/** What is being asked for: a new set, or a variable of one. */
type Asked = { set: null } | { set: string; variable: string | null };

export function EnvSetsSection() {
  const [found, setFound] = useState<EnvSets | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [asked, setAsked] = useState<Asked | null>(null);
  const load = async (): Promise<void> => {
    try {
      setFound(await request<EnvSets>("GET", "/api/env-sets"));
      setProblem(null);
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  useEffect(() => void load(), []);
  const close = (): void => {
    setAsked(null);
    void load();
  };
  const keyFile = found?.key_file ?? "";
  return (
    <>
      <Box
        title="Env sets"
        what="Named secrets for sessions. They are encrypted on disk and never appear in a command line, a log or an export. Values can be set here but not read."
      >
        {problem && (
          <div class="box-row tone-bad" role="alert">
            <Icon name="warning" />
            {problem.detail}
          </div>
        )}
        {(found?.sets ?? []).map((set) => (
          <SetRows key={set.name} set={set} ask={setAsked} load={load} />
        ))}
        {found?.sets.length === 0 && (
          <BoxRow title="No env sets yet" what="A session gets only the sets that it is started with." />
        )}
        <div class="box-row">
          <button class="button" onClick={() => setAsked({ set: null })}>
            <Icon name="plus" size={14} />
            New env set
          </button>
        </div>
      </Box>
      {found && found.sets.length > 0 && (
        <Box title="Key file">
          <BoxRow
            title={
              <>
                <Icon name="lock" />
                {keyFile.split("/").at(-1)}
              </>
            }
            what={
              <>
                <code>{tilde(keyFile, home.value)}</code> · mode 0600 · back it up: without it the sets cannot be read
              </>
            }
          >
            <button class="button ghost" onClick={() => void copyText(keyFile)}>
              <Icon name="copy" size={14} />
              Copy path
            </button>
          </BoxRow>
        </Box>
      )}
      {asked?.set === null && <NewSet close={close} />}
      {asked && asked.set !== null && <Value set={asked.set} variable={asked.variable} close={close} />}
    </>
  );
}

function SetRows({ set, ask: askFor, load }: { set: EnvSet; ask: (asked: Asked) => void; load: () => Promise<void> }) {
  const used = set.used_by.length > 0 ? `used by ${users(set.used_by)}` : "not used";
  return (
    <details class="env-set">
      <summary class="box-row">
        <Icon name="right" size={14} />
        <span class="grow">
          <code class="box-title">{set.name}</code>
          {set.problem === null ? (
            <span class="meta">
              {count(set.variables.length, "variable")} · {used}
            </span>
          ) : (
            <span class="meta tone-bad">{set.problem}</span>
          )}
        </span>
      </summary>
      {set.variables.map((variable) => (
        <div key={variable.name} class="box-row env-variable">
          <code class="grow">{variable.name}</code>
          <span class="meta" aria-label={`${variable.length} bytes, not shown`}>
            •••••••• {count(variable.length, "byte")}
          </span>
          <span class="meta" title={fullTime(Date.parse(variable.changed_at))}>
            {ago(variable)}
          </span>
          <button
            class="button"
            aria-label={`Replace ${variable.name}`}
            onClick={() => askFor({ set: set.name, variable: variable.name })}
          >
            Replace
          </button>
          <button
            class="button ghost icon"
            aria-label={`Remove ${variable.name}`}
            onClick={() => takeOut(set, variable.name, load)}
          >
            <Icon name="trash" />
          </button>
        </div>
      ))}
      <div class="box-row env-variable">
        <button class="button" onClick={() => askFor({ set: set.name, variable: null })}>
          <Icon name="plus" size={14} />
          Add variable
        </button>
        <span class="grow" />
        <button class="button quiet-destroy" onClick={() => removeSet(set, load)}>
          Remove set…
        </button>
      </div>
    </details>
  );
}

function users(ids: readonly SessionId[]): string {
  const names = ids
    .map((id) => sessions.value?.get(id))
    .map((session, index) => (session ? nameOf(session) : (ids[index]?.slice(0, 8) ?? "")));
  return names.length > 3 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", ");
}

function ago(variable: EnvVariable): string {
  const passed = now.value - Date.parse(variable.changed_at);
  return passed < 60_000 ? "now" : `${duration(passed)} ago`;
}

function takeOut(set: EnvSet, variable: string, load: () => Promise<void>): void {
  ask({
    title: `Remove ${variable} from ${set.name}?`,
    text: "Its value is deleted. Running programs keep it until they exit.",
    verb: "Remove",
    destroys: true,
    run: async () => {
      await request("PATCH", path(set.name), { unset: [variable] });
      await load();
    },
  });
}

function removeSet(set: EnvSet, load: () => Promise<void>): void {
  const used = set.used_by.length > 0 ? ` ${users(set.used_by)} cannot be resumed without it.` : "";
  ask({
    title: `Remove ${set.name}?`,
    text: `${count(set.variables.length, "value")} ${set.variables.length === 1 ? "is" : "are"} deleted.${used}`,
    verb: "Remove set",
    destroys: true,
    run: async () => {
      await request("DELETE", path(set.name));
      await load();
      toast({ text: `${set.name} removed.` });
    },
  });
}

function NewSet({ close }: { close: () => void }) {
  const [name, setName] = useState("");
  return (
    <Asking
      title="New env set"
      verb="Create"
      close={close}
      submit={() => request("POST", "/api/env-sets", { name: name.trim() })}
    >
      {(wrong) => <NameField mono value={name} set={setName} wrong={wrong} help="Letters, digits, dots and hyphens." />}
    </Asking>
  );
}

function Value({ set, variable, close }: { set: string; variable: string | null; close: () => void }) {
  const [name, setName] = useState(variable ?? "");
  const [value, setValue] = useState("");
  const submit = async (): Promise<void> => {
    await request("PATCH", path(set), { set: { [name.trim()]: value } });
    toast({ text: `${name.trim()} saved in ${set}.` });
  };
  return (
    <Asking
      title={variable === null ? `Add to ${set}` : `Replace ${variable}`}
      verb="Save"
      close={close}
      submit={submit}
    >
      {(wrong) => (
        <>
          {variable === null && (
            <NameField
              mono
              value={name}
              set={setName}
              wrong={wrong}
              help="An environment variable, such as NPM_TOKEN."
            />
          )}
          <div class="field">
            <label for="env-value">Value</label>
            <SecretInput
              id="env-value"
              value={value}
              onInput={setValue}
              autocomplete="new-password"
              first={variable !== null}
              describedBy="env-value-help"
            />
            <Help id="env-value-help" wrong={variable === null ? null : wrong} help="It cannot be shown again." />
          </div>
        </>
      )}
    </Asking>
  );
}
