import "../styles/saved_prompts.css";
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { problemOf, request } from "../http";
import { toast } from "../toasts";
import { announce } from "../ui/announcer";
import { Icon } from "../ui/icon";
import { visible } from "../words";
import type { SavedPrompt } from "../wire";

interface Props {
  /** What stands in the composer. Behind a slash it is what is looked for. */
  text: string;
  /** Given the keys of the composer; true for those that it takes. */
  keys: RefObject<(event: KeyboardEvent) => boolean>;
  insert: (text: string) => void;
  close: () => void;
}

const pathOf = (name: string): string => `/api/prompts/${encodeURIComponent(name)}`;

/** Every word stands somewhere in the name or the text. */
export function found(prompts: readonly SavedPrompt[], wanted: string): readonly SavedPrompt[] {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  return prompts.filter(({ name, text }) => {
    const all = `${name}\n${text}`.toLowerCase();
    return words.every((word) => all.includes(word));
  });
}

function useSavedPrompts() {
  const [prompts, setPrompts] = useState<readonly SavedPrompt[] | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const load = async (): Promise<void> => {
    try {
      setPrompts(await request<SavedPrompt[]>("GET", "/api/prompts"));
    } catch (error) {
      setProblem(problemOf(error).detail);
    }
  };
  useEffect(() => void load(), []);
  /** Changes them, and shows them as they are then; true when that was done. */
  const change = async (method: "PUT" | "PATCH" | "DELETE", name: string, body?: object): Promise<boolean> => {
    try {
      await request(method, pathOf(name), body);
      setProblem(null);
      await load();
      return true;
    } catch (error) {
      setProblem(problemOf(error).detail);
      return false;
    }
  };
  return { prompts, problem, change };
}

/** The prompts that were saved, over the composer. */
export function SavedPrompts({ text, keys, insert, close }: Props) {
  const { prompts, problem, change } = useSavedPrompts();
  const [at, setAt] = useState(0);
  const [renamed, setRenamed] = useState<string | null>(null);
  const slash = text.startsWith("/");
  const shown = found(prompts ?? [], slash ? text.slice(1) : "");
  const place = Math.min(at, shown.length - 1);
  const current = shown[place];
  useEffect(() => setAt(0), [text]);
  useEffect(() => {
    if (current) announce(`${current.name}, ${place + 1} of ${shown.length} saved prompts`);
  }, [current?.name]);
  keys.current = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") close();
    else if (!current || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return false;
    else if (step) setAt((place + step + shown.length) % shown.length);
    else if (event.key === "Enter" && (slash || text === "")) insert(current.text);
    else return false;
    return true;
  };
  // An agent has commands that begin so, too: nothing is in their way.
  if (slash && shown.length === 0) return null;
  const remove = async ({ name, text: removed }: SavedPrompt): Promise<void> => {
    if (!(await change("DELETE", name))) return;
    toast({
      text: `“${visible(name)}” was deleted.`,
      action: { label: "Undo", run: () => void change("PUT", name, { text: removed }) },
    });
  };
  return (
    <section
      class="saved-prompts"
      aria-label="Saved prompts"
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        close();
      }}
    >
      {problem && <p class="tone-bad">{problem}</p>}
      {prompts?.length === 0 && <p class="meta">No saved prompts yet.</p>}
      <ul>
        {shown.map((prompt) => (
          <li key={prompt.name} class={prompt === current ? "current" : undefined}>
            {renamed === prompt.name ? (
              <NameForm
                name={prompt.name}
                verb="Rename"
                give={async (name) => (await change("PATCH", prompt.name, { name })) && setRenamed(null)}
                cancel={() => setRenamed(null)}
              />
            ) : (
              <>
                <button type="button" class="saved-prompt" onClick={() => insert(prompt.text)}>
                  <b>{visible(prompt.name)}</b>
                  <span class="meta truncate">{visible(prompt.text.trim().split("\n", 1)[0] ?? "")}</span>
                </button>
                <button
                  type="button"
                  class="button ghost icon"
                  aria-label={`Rename ${visible(prompt.name)}`}
                  onClick={() => setRenamed(prompt.name)}
                >
                  <Icon name="pencil" size={14} />
                </button>
                <button
                  type="button"
                  class="button ghost icon"
                  aria-label={`Delete ${visible(prompt.name)}`}
                  onClick={() => void remove(prompt)}
                >
                  <Icon name="close" size={14} />
                </button>
              </>
            )}
          </li>
        ))}
      </ul>
      {text.trim() !== "" && !slash ? (
        <NameForm
          name=""
          verb="Save"
          label="Save this text as"
          give={async (name) => {
            if (!(await change("PUT", name, { text }))) return;
            toast({ text: `Saved as “${visible(name)}”.` });
            close();
          }}
          cancel={close}
        />
      ) : (
        <p class="meta">To save a prompt, write it and open this list again.</p>
      )}
    </section>
  );
}

/** A name, and what it is for. No form of its own: it stands in the composer's. */
function NameForm(props: {
  name: string;
  verb: string;
  label?: string;
  give: (name: string) => unknown;
  cancel: () => void;
}) {
  const { verb, label = "Name", give, cancel } = props;
  const [name, setName] = useState(props.name);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);
  const done = (): void => void (name.trim() !== "" && give(name.trim()));
  return (
    <div class="name-form">
      <label>
        <span class={label === "Name" ? "visually-hidden" : "meta"}>{label}</span>
        <input
          class="input"
          value={name}
          maxLength={64}
          ref={field}
          onInput={(event) => setName(event.currentTarget.value)}
          onKeyDown={(event) => {
            event.stopPropagation();
            if (event.isComposing) return;
            if (event.key === "Escape") cancel();
            else if (event.key === "Enter") done();
            else return;
            event.preventDefault();
          }}
        />
      </label>
      <button type="button" class="button" onClick={done}>
        {verb}
      </button>
    </div>
  );
}
