// The Git tab: what changed, staged and commented on; the log; the branches.

import "../styles/git.css";
import "../styles/records.css";
import "../styles/syntax.css";
import { effect, useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { GitCommit, GitOperation, GitStatus, Marks, Session } from "../wire";
import { nextWords } from "../next";
import { connection, gitChange, live, onEvent } from "../store";
import { Icon } from "../ui/icon";
import { fullTime, count, foreign } from "../words";
import { ChosenBar, Refused, ReviewBar, Undo } from "./bars";
import { Branches, CommitHead, Log } from "./history";
import { useKeys } from "./keys";
import { Model, someOf } from "./model";
import type { Item } from "./rows";
import { BASES, split, unrecorded, wide, type Base } from "./shown";
import { Stream, type Scroller } from "./stream";
import { CommitBox, Tree, Unlisted } from "./tree";

/** Several things that happen at once are one reason to look, in ms. */
const SETTLE = 150;
/** Narrower than this, sides do not stand beside each other, in px. */
const BESIDE = 900;

type Page =
  { kind: "status" } | { kind: "log"; of: string | null } | { kind: "branches" } | { kind: "commit"; id: string };

/** The base where this branch left another one, with its reference behind. */
const LEFT = "merge-base:";

const UNDER_WAY: Record<GitOperation, string> = {
  merge: "Merge under way",
  rebase: "Rebase under way",
  cherry_pick: "Cherry-pick under way",
  revert: "Revert under way",
  bisect: "Bisect under way",
  apply_mailbox: "Patches under way",
};

export function GitTab({ session }: { session: Session }) {
  const model = useMemo(() => new Model(session), [session.id]);
  const page = useSignal<Page>({ kind: "status" });
  const scroller = useRef<Scroller | null>(null);
  const place = useRef<HTMLDivElement>(null);
  /** On a phone, the files are a page of their own. */
  const showsFiles = useSignal(false);
  const version = useComputed(() => `${model.status.value?.head.commit} ${model.status.value?.head.branch}`);
  useFollow(model);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => (wide.value = (entry?.contentRect.width ?? 0) >= BESIDE));
    observer.observe(element);
    return () => observer.disconnect();
  }, [model, page.value.kind]);
  const open = (item: Item): void => {
    showsFiles.value = false;
    model.reveal(item);
    scroller.current?.to(item.key, "start");
  };
  useKeys(model, scroller, page.value.kind === "status");
  const at = page.value;
  if (model.failed.value && model.status.value === null) {
    return (
      <div class="empty">
        <p>{model.failed.value}</p>
        <button class="button" onClick={() => void model.refresh()}>
          Look again
        </button>
      </div>
    );
  }
  return (
    <div class={showsFiles.value ? "git files-shown" : "git"}>
      <div class="git-side">
        <div class="git-side-head">
          <div class="segments" role="group" aria-label="Git">
            {(
              [
                ["status", "Status"],
                ["log", "Log"],
                ["branches", "Branches"],
              ] as const
            ).map(([kind, word]) => (
              <button
                key={kind}
                aria-pressed={at.kind === kind || (kind === "log" && at.kind === "commit")}
                onClick={() => (page.value = kind === "log" ? { kind, of: null } : { kind })}
              >
                {word}
              </button>
            ))}
          </div>
          <span class="grow" />
          <span
            class="status meta"
            title={
              model.partial.value
                ? "The directory is too large to watch as a whole. It is read again when the agent has used a tool, and when you come back."
                : undefined
            }
          >
            {!live.value ? "Not live" : model.partial.value ? "Partly live" : "Live"}
          </span>
        </div>
        <Head model={model} />
        {at.kind === "status" && (
          <>
            <div class="search-field git-search">
              <Icon name="search" />
              <input
                id="git-search"
                class="input"
                type="search"
                placeholder="File"
                aria-label="Search files"
                value={model.search.value}
                onInput={(event) => (model.search.value = event.currentTarget.value)}
              />
            </div>
            <Tree model={model} open={open} />
            <CommitBox model={model} />
          </>
        )}
      </div>
      <div class="git-main" ref={place}>
        {at.kind === "status" && (
          <Changes model={model} scroller={scroller} files={() => (showsFiles.value = !showsFiles.value)} />
        )}
        {at.kind === "log" && (
          <Log
            session={session}
            of={at.of}
            version={version.value}
            open={(commit: GitCommit) => (page.value = { kind: "commit", id: commit.id })}
          />
        )}
        {at.kind === "commit" && (
          <CommitPage beside={model} id={at.id} back={() => (page.value = { kind: "log", of: null })} />
        )}
        {at.kind === "branches" && (
          <Branches session={session} version={version.value} open={(of) => (page.value = { kind: "log", of })} />
        )}
      </div>
    </div>
  );
}

/** Looks anew when the daemon says that something changed. */
function useFollow(model: Model): void {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const soon = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => void model.refresh(), SETTLE);
    };
    void model.refresh();
    void model.readDiscarded();
    // The daemon watches one directory for each connection.
    const stopAsking = effect(() => {
      if (live.value) connection.send({ type: "git", session: model.session.id });
    });
    const stopChanges = effect(() => {
      const change = gitChange.value;
      if (change?.session !== model.session.id) return;
      model.partial.value = change.partial;
      soon();
    });
    // Where the daemon cannot watch everything, the agent's own word and the return to the page are reasons, too.
    const stopEvents = onEvent((event) => {
      if (event.session === model.session.id && (event.kind === "hook.turn_ended" || event.kind === "hook.tool_used"))
        soon();
    });
    window.addEventListener("focus", soon);
    return () => {
      clearTimeout(timer);
      stopAsking();
      stopChanges();
      stopEvents();
      connection.send({ type: "git", session: null });
      window.removeEventListener("focus", soon);
    };
  }, [model]);
}

function Head({ model }: { model: Model }) {
  const status = model.status.value;
  if (!status) return null;
  const { head, operation, progress } = status;
  const branch = progress?.branch ?? head.branch;
  return (
    <>
      <div class="git-head">
        <Icon name="branch" size={13} />
        <span class="truncate">
          {branch === null ? `HEAD detached at ${head.commit?.slice(0, 8) ?? "nothing"}` : foreign(branch)}
        </span>
        {head.ahead !== null && head.behind !== null && (
          <span class="meta" title={`Compared with ${foreign(head.upstream ?? "")}`}>
            ↑{head.ahead} ↓{head.behind}
          </span>
        )}
        {operation && (
          <span class="chip conflicted">
            {UNDER_WAY[operation]}
            {progress && `, ${progress.step} of ${progress.steps}`}
          </span>
        )}
      </div>
      {operation && <NextStep status={status} />}
    </>
  );
}

/** What ends what is under way. */
function NextStep({ status }: { status: GitStatus }) {
  const next = status.next_step && nextWords(status.next_step);
  // Not all of them need be among the files that are listed.
  const named = status.files.filter((file) => file.conflicted).map((file) => file.path);
  return (
    <p class="git-next" role="status">
      {status.conflicted > 0 && (
        <>
          Conflicts in <b>{named.length > 0 ? someOf(named, status.conflicted) : count(status.conflicted, "file")}</b>
          .{" "}
        </>
      )}
      {next && `${next.charAt(0).toUpperCase()}${next.slice(1)}.`}
    </p>
  );
}

function Changes({
  model,
  scroller,
  files,
}: {
  model: Model;
  scroller: { current: Scroller | null };
  files: () => void;
}) {
  const base = model.base.value;
  const items = model.shown.value;
  const empty = model.status.value !== null && items.length === 0;
  const left = base?.startsWith(LEFT) ? base.slice(LEFT.length) : null;
  const branches = [...new Set([...model.branches.value, ...(left === null ? [] : [left])])];
  const head = model.status.value?.head;
  useEffect(() => {
    if (head) void model.readBranches();
  }, [model, head?.branch, head?.commit]);
  const notRecorded = (base: Base): string => (unrecorded(model.status.value, base) === null ? "" : " (not recorded)");
  const turns = (model.status.value?.turns ?? []).slice(1).map((at) => Date.parse(at));
  return (
    <>
      <div class="git-bar">
        <button class="button ghost icon phone-only" aria-label="Files" onClick={files}>
          <Icon name="menu" />
        </button>
        <select
          class="select picker"
          aria-label="Compare with"
          value={base ?? "uncommitted"}
          onChange={(event) => model.choose(event.currentTarget.value as Base)}
        >
          {BASES.map(([key, word]) => (
            <option key={key} value={key}>
              {word}
              {notRecorded(key)}
            </option>
          ))}
          {branches.length > 0 && (
            <optgroup label="Since it left another branch">
              {branches.map((reference) => (
                <option key={reference} value={LEFT + reference}>
                  {foreign(reference.replace(/^refs\/\w+\//, ""))}
                </option>
              ))}
            </optgroup>
          )}
          {turns.length > 0 && (
            <optgroup label="Since an earlier prompt">
              {turns.map((at) => (
                <option key={at} value={`turn-${at}`}>
                  {fullTime(at)}
                  {notRecorded(`turn-${at}`)}
                </option>
              ))}
            </optgroup>
          )}
        </select>
        {base === "seen" && (
          <select
            class="select picker"
            aria-label="Mark"
            title="Where “Since you looked” begins"
            value={model.status.value?.marks ?? "shared"}
            disabled={model.busy.value}
            onChange={(event) => void model.chooseMarks(event.currentTarget.value as Marks)}
          >
            <option value="shared">Mark for all devices</option>
            <option value="own">Mark for this device</option>
          </select>
        )}
        <span class="meta truncate git-sum">{count(items.length + model.more.value, "file")}</span>
        <span class="grow" />
        <Undo model={model} />
        <button
          class="button"
          disabled={model.busy.value || model.drawn.value === null}
          data-tip="“Since you looked” begins here from now on"
          onClick={() => void model.markSeen()}
        >
          <Icon name="eye" size={14} />
          Mark as seen
        </button>
        <div class="segments desk-only" role="group" aria-label="Layout of the diff">
          {(
            [
              [true, "Split"],
              [false, "Unified"],
            ] as const
          ).map(([beside, word]) => (
            <button
              key={word}
              aria-pressed={(split.value && wide.value) === beside}
              disabled={beside && !wide.value}
              onClick={() => {
                split.value = beside;
                localStorage.setItem("codepiper.diff", beside ? "split" : "unified");
              }}
            >
              {word}
            </button>
          ))}
        </div>
      </div>
      <Refused model={model} scroller={scroller} />
      {model.leftOut.value.length > 0 && (
        <p class="diff-note">Not compared, as too large: {someOf(model.leftOut.value)}</p>
      )}
      {empty ? <Nothing model={model} /> : <Stream model={model} scroller={scroller} />}
      <ChosenBar model={model} />
      <ReviewBar model={model} />
    </>
  );
}

function Nothing({ model }: { model: Model }) {
  if (model.failed.value) return <p class="pad tone-bad">{model.failed.value}</p>;
  const said =
    model.missing.value !== null
      ? model.missing.value
      : model.search.value !== ""
        ? `No file matches “${model.search.value}”.`
        : model.base.value === "uncommitted"
          ? "No changes since the last commit."
          : model.base.value === "seen"
            ? "Nothing changed since you looked."
            : "No changes.";
  return (
    <div class="empty">
      <p>{said}</p>
      {model.base.value !== "start" && model.search.value === "" && (
        <button class="button" onClick={() => model.choose("start")}>
          Changes since the session began
        </button>
      )}
    </div>
  );
}

/** A commit's differences, to read and to comment on. */
function CommitPage({ beside, id, back }: { beside: Model; id: string; back: () => void }) {
  const { session } = beside;
  const model = useMemo(() => new Model(session, { base: `${id}^`, to: id }, beside), [beside, id]);
  const scroller = useRef<Scroller | null>(null);
  useEffect(() => void model.refresh(), [model]);
  useKeys(model, scroller);
  return (
    <>
      <CommitHead session={session} id={id} back={back} />
      <Refused model={model} scroller={scroller} />
      {model.failed.value && <p class="pad tone-bad">{model.failed.value}</p>}
      <Unlisted model={model} />
      <Stream model={model} scroller={scroller} />
      <ReviewBar model={model} />
    </>
  );
}
