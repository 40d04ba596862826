// The Git tab: what changed, staged and commented on; the log; the branches.

import "../styles/git.css";
import "../styles/records.css";
import "../styles/syntax.css";
import { effect, useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { DiffLine, GitCommit, GitOperation, GitStatus, Marks, Session } from "../wire";
import { ask } from "../ask";
import { problemOf } from "../http";
import { nextWords } from "../next";
import { bind } from "../shortcuts";
import { connection, gitChange, live, onEvent } from "../store";
import { toast } from "../toasts";
import { Icon } from "../ui/icon";
import { count, foreign, fullTime, isLive, visible } from "../words";
import { Branches, CommitHead, filesOf, Log } from "./history";
import { BASES, Model, verbOf, type Base } from "./model";
import { askDiscard } from "./row_view";
import type { Item, Row } from "./rows";
import { Stream, type Scroller } from "./stream";
import { CommitBox, Tree } from "./tree";

/** Several things that happen at once are one reason to look, in ms. */
const SETTLE = 150;
/** Narrower than this, sides do not stand beside each other, in px. */
const BESIDE = 900;
/** So many conflicted files are named. */
const MOST_NAMED = 3;

type Page =
  { kind: "status" } | { kind: "log"; of: string | null } | { kind: "branches" } | { kind: "commit"; id: string };

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
    const observer = new ResizeObserver(([entry]) => (model.wide.value = (entry?.contentRect.width ?? 0) >= BESIDE));
    observer.observe(element);
    return () => observer.disconnect();
  }, [model, page.value.kind]);
  const open = (item: Item): void => {
    showsFiles.value = false;
    if (model.isFolded(item)) model.fold(item, false);
    model.at.value = item.key;
    scroller.current?.to(item.key, "start");
  };
  useKeys(model, scroller, page.value.kind === "status", open);
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
          <CommitPage session={session} id={at.id} back={() => (page.value = { kind: "log", of: null })} />
        )}
        {at.kind === "branches" && (
          <Branches
            session={session}
            version={version.value}
            open={(name) => (page.value = { kind: "log", of: name })}
          />
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
  const conflicted = status.files.filter((file) => file.conflicted).map((file) => visible(file.path));
  return (
    <p class="git-next" role="status">
      {conflicted.length > 0 && (
        <>
          Conflicts in <b>{conflicted.slice(0, MOST_NAMED).join(", ")}</b>
          {conflicted.length > MOST_NAMED && ` and ${conflicted.length - MOST_NAMED} more`}.{" "}
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
            </option>
          ))}
          {turns.length > 0 && (
            <optgroup label="Since an earlier prompt">
              {turns.map((at) => (
                <option key={at} value={`turn-${at}`}>
                  {fullTime(at)}
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
        {model.undo.value && (
          <button class="button ghost" onClick={() => void model.restore()}>
            Undo discard <kbd>Z</kbd>
          </button>
        )}
        <button
          class="button"
          disabled={model.busy.value}
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
          ).map(([split, word]) => (
            <button
              key={word}
              aria-pressed={(model.split.value && model.wide.value) === split}
              disabled={split && !model.wide.value}
              onClick={() => {
                model.split.value = split;
                localStorage.setItem("codepiper.diff", split ? "split" : "unified");
              }}
            >
              {word}
            </button>
          ))}
        </div>
      </div>
      {model.refused.value && (
        <p class="notice bad git-notice" role="alert">
          <span class="grow">{model.refused.value}</span>
          <button class="button" onClick={() => (model.refused.value = null)}>
            Close
          </button>
        </p>
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
    model.search.value !== ""
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

/** What can be done to the lines that were chosen. */
function ChosenBar({ model }: { model: Model }) {
  const chosen = model.chosen.value;
  const item = model.items.value.find((each) => each.key === chosen?.key);
  if (!chosen || !item) return null;
  const verb = verbOf(item);
  return (
    <div class="chosen-bar" role="toolbar" aria-label="Chosen lines">
      <b>{count(chosen.lines.size, "line")}</b>
      {verb && (
        <button class="button primary small" disabled={model.busy.value} onClick={() => model.toggleLines()}>
          {verb === "stage" ? "Stage" : "Unstage"}
        </button>
      )}
      {verb === "stage" && (
        <button
          class="button small"
          disabled={model.busy.value}
          onClick={() =>
            ask({
              title: `Discard ${count(chosen.lines.size, "line")} of ${visible(item.file.path)}?`,
              text: "They are removed from the file and kept for 30 days; Undo brings them back.",
              verb: "Discard",
              destroys: true,
              run: () => model.discardLines(),
            })
          }
        >
          Discard…
        </button>
      )}
      <button class="button ghost small" onClick={() => (model.chosen.value = null)}>
        Clear
      </button>
    </div>
  );
}

function ReviewBar({ model }: { model: Model }) {
  const { comments, prompt } = model.review.value;
  const drafts = comments.filter((comment) => comment.state === "draft");
  const open = comments.filter((comment) => comment.state === "sent");
  if (comments.length === 0) return null;
  const live = isLive(model.session);
  const preview = (): void =>
    ask({
      title: "Send to the agent?",
      text: <pre class="quote">{prompt}</pre>,
      verb: "Send",
      run: () => model.sendReview(),
    });
  return (
    <div class="review-bar">
      <b>{drafts.length > 0 ? count(drafts.length, "draft") : count(comments.length, "comment")}</b>
      <span class="meta truncate">{open.length > 0 && `${open.length} with the agent`}</span>
      <span class="grow" />
      {drafts.length > 0 && (
        <>
          <button class="button ghost" onClick={preview}>
            Preview prompt
          </button>
          <button
            class="button primary"
            disabled={!live || model.busy.value}
            title={live ? undefined : "The session has ended"}
            onClick={() => void model.sendReview()}
          >
            <Icon name="send" size={14} />
            Send to agent
          </button>
        </>
      )}
    </div>
  );
}

/** A commit's differences, to read. */
function CommitPage({ session, id, back }: { session: Session; id: string; back: () => void }) {
  const model = useMemo(() => new Model(session), [session.id, id]);
  const scroller = useRef<Scroller | null>(null);
  useEffect(() => {
    filesOf(session, id).then(
      (found) => {
        model.base.value = "start";
        model.more.value = found.next === null ? 0 : found.total - found.next;
        model.items.value = found.files.map((file) => ({
          key: `compared ${file.path}`,
          section: "compared",
          file,
          base: `${id}^`,
          to: id,
        }));
      },
      (error: unknown) => toast({ text: problemOf(error).detail, bad: true }),
    );
  }, [model]);
  return (
    <>
      <CommitHead session={session} id={id} back={back} />
      <Stream model={model} scroller={scroller} />
    </>
  );
}

/** The keys of the Status page. */
function useKeys(model: Model, scroller: { current: Scroller | null }, on: boolean, open: (item: Item) => void): void {
  useEffect(() => {
    if (!on) return;
    const rows = (): readonly Row[] => model.rows.value;
    const index = (): number => rows().findIndex((row) => row.key === model.at.value);
    const go = (row: Row | undefined): void => {
      if (!row) return;
      model.at.value = row.key;
      scroller.current?.to(row.key, row.kind === "file" ? "start" : "nearest");
    };
    const next = (kinds: readonly Row["kind"][], step: 1 | -1, fits: (row: Row) => boolean = () => true): void => {
      const all = rows();
      for (let at = index() + step; at >= 0 && at < all.length; at += step) {
        const row = all[at];
        if (row && kinds.includes(row.kind) && fits(row)) return go(row);
      }
    };
    const current = (): Row | undefined => rows()[index()];
    const lineOf = (row: Row | undefined): DiffLine | null =>
      row?.kind === "line" ? row.line : row?.kind === "pair" ? (row.pair.right ?? row.pair.left) : null;
    const toggle = (): void => {
      const row = current();
      if (model.chosen.value) return model.toggleLines();
      if (row?.kind === "hunk") model.toggleHunk(row.item, row.hunk);
      else if (row?.kind === "file") model.toggleFiles([row.item]);
      else if (row && lineOf(row)) {
        model.pick(row.item, lineOf(row)!, false);
        model.toggleLines();
      }
    };
    const lines: readonly Row["kind"][] = ["line", "pair"];
    return bind("git", {
      j: () => next(["hunk"], 1),
      k: () => next(["hunk"], -1),
      n: () => next(["file"], 1),
      p: () => next(["file"], -1),
      "]": () => next(["file"], 1, (row) => row.kind === "file" && !model.isViewed(row.item)),
      ArrowDown: () => next([...lines, "hunk"], 1),
      ArrowUp: () => next([...lines, "hunk"], -1),
      " ": toggle,
      s: toggle,
      u: toggle,
      v: () => {
        const row = current();
        const line = lineOf(row);
        if (row && line && (line.old === null || line.new === null)) model.pick(row.item, line, false);
      },
      d: () => {
        const row = current();
        if (row?.kind === "hunk") askDiscard(model, row.item, row.hunk);
        else if (row?.kind === "file") askDiscard(model, row.item);
      },
      x: () => {
        const row = current();
        if (row) model.view(row.item);
      },
      z: () => void model.restore(),
      c: () => {
        const row = current();
        const line = lineOf(row);
        if (row && line) model.write(row.item, line);
        else if (row?.kind === "hunk")
          model.write(row.item, row.hunk.lines.find((each) => each.new !== null) ?? row.hunk.lines[0]!);
      },
      t: () => (model.split.value = !model.split.value),
      Enter: () => {
        const row = current();
        if (row?.kind === "file") model.fold(row.item);
        else if (row?.kind === "fold") void model.unfold(row.item, row.from, row.to);
      },
      "/": () => document.getElementById("git-search")?.focus(),
      "⌘Enter": () => void model.sendReview(),
    });
  }, [model, on, open]);
}
