// The files beside the stream, and the commit below them.

import { computed, useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { foreign, pathParts, visible } from "../words";
import { verbOf, type Model } from "./model";
import { Counts, LETTERS } from "./row_view";
import type { Item, Section } from "./rows";

const NAMES: Record<Section, string> = {
  conflicted: "Conflicted",
  staged: "Staged",
  changed: "Changes",
  untracked: "Untracked",
  compared: "Files",
};
/** More files than these, in all sections, have no line each: the search finds them. */
const MOST = 200;

export function Tree({ model, open }: { model: Model; open: (item: Item) => void }) {
  const items = model.shown.value;
  const sections = [...new Set(items.map((item) => item.section))];
  let left = MOST;
  return (
    <div class="scroll git-files">
      {sections.map((section) => {
        const own = items.filter((item) => item.section === section);
        const listed = own.slice(0, left);
        left -= listed.length;
        const verb = section === "conflicted" ? null : own.map(verbOf).find((each) => each !== null);
        return (
          <section key={section} aria-label={NAMES[section]}>
            <header>
              <h2>{NAMES[section]}</h2>
              <span class="meta">{own.length}</span>
              <span class="grow" />
              {verb && (
                <button class="button ghost small" disabled={model.busy.value} onClick={() => model.toggleFiles(own)}>
                  {verb === "stage" ? "Stage all" : "Unstage all"}
                </button>
              )}
            </header>
            <ul>
              {listed.map((item) => (
                <li key={item.key}>
                  <FileLink model={model} item={item} open={open} />
                </li>
              ))}
            </ul>
            {own.length > listed.length && (
              <p class="meta pad">{(own.length - listed.length).toLocaleString("en")} more: search for one.</p>
            )}
          </section>
        );
      })}
      <Unlisted model={model} />
    </div>
  );
}

/** That there are more files, and the way to them. */
export function Unlisted({ model }: { model: Model }) {
  if (model.more.value === 0) return null;
  return (
    <p class="meta pad">
      {model.more.value.toLocaleString("en")} more files are not listed.{" "}
      <button class="button small" onClick={() => model.listMore()}>
        List more
      </button>
    </p>
  );
}

function FileLink({ model, item, open }: { model: Model; item: Item; open: (item: Item) => void }) {
  const [dir, name] = pathParts(foreign(item.file.path));
  const letter = item.section === "untracked" ? "?" : item.section === "conflicted" ? "!" : LETTERS[item.file.change];
  // Drawn again when one of them changes, and not with each file that is loaded.
  const current = useMemo(() => computed(() => model.at.value?.startsWith(item.key) === true), [model, item]);
  const viewed = useMemo(() => computed(() => model.isViewed(item)), [model, item]);
  return (
    <button
      class="git-file"
      aria-current={current.value ? "true" : undefined}
      title={visible(item.file.path)}
      onClick={() => open(item)}
    >
      <span
        class={`letter ${item.section} ${item.file.change}`}
        aria-label={item.section === "untracked" ? "untracked" : item.file.change.replace("_", " ")}
      >
        {letter}
      </span>
      <span class={viewed.value ? "git-path viewed" : "git-path"}>
        <span class="truncate">{dir}</span>
        <span class="last">{name}</span>
      </span>
      <Counts item={item} />
    </button>
  );
}

export function CommitBox({ model }: { model: Model }) {
  const store = `codepiper.message.${model.session.id}`;
  const text = useSignal(localStorage.getItem(store) ?? "");
  const amend = useSignal(false);
  /** The last commit when amending was chosen: the message is about that one. */
  const last = useSignal<string | null>(null);
  const status = model.status.value;
  if (!status) return null;
  const staged = status.staged;
  const why =
    status.conflicted > 0
      ? "Resolve the conflicts first."
      : status.operation !== null && status.operation !== "merge"
        ? "Finish what is under way in the terminal first."
        : text.value.trim() === ""
          ? staged === 0 && !amend.value
            ? "Nothing is staged."
            : "The commit needs a message."
          : staged === 0 && !amend.value && status.operation !== "merge"
            ? "Nothing is staged."
            : null;
  const write = (value: string): void => {
    text.value = value;
    localStorage.setItem(store, value);
  };
  const commit = async (): Promise<void> => {
    if (why !== null || !(await model.commit(text.value, amend.value, last.value))) return;
    write("");
    amend.value = false;
  };
  return (
    <form
      class="commit-box"
      onSubmit={(event) => {
        event.preventDefault();
        void commit();
      }}
    >
      <textarea
        class="input"
        rows={2}
        placeholder="Commit message"
        aria-label="Commit message"
        value={text.value}
        onInput={(event) => write(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) {
            event.preventDefault();
            void commit();
          }
        }}
      />
      <div class="row-of">
        <label class="check">
          <input
            type="checkbox"
            checked={amend.value}
            disabled={status.head.commit === null}
            onChange={() => {
              amend.value = !amend.value;
              last.value = status.head.commit;
            }}
          />
          Amend
        </label>
        <span class="grow meta" id="commit-why">
          {why}
        </span>
        <button class="button" disabled={why !== null || model.busy.value} aria-describedby="commit-why">
          {amend.value ? "Amend" : staged === 1 ? "Commit 1 file" : `Commit ${staged} files`}
        </button>
      </div>
    </form>
  );
}
