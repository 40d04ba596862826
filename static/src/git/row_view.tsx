// The rows of the stream as elements.

import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Comment, DiffHunk, DiffLine } from "../wire";
import { ask } from "../ask";
import { Picture } from "../ui/picture";
import { CopyButton } from "../ui/copy";
import { Icon } from "../ui/icon";
import { foreign, visible } from "../words";
import { Code } from "./code_line";
import type { Model } from "./model";
import type { Item, Row } from "./rows";

export const LETTERS = { added: "A", modified: "M", deleted: "D", renamed: "R", type_changed: "T" } as const;

export function RowView({ model, row }: { model: Model; row: Row }) {
  switch (row.kind) {
    case "file":
      return <FileHead model={model} item={row.item} />;
    case "note":
      return <p class="diff-note">{row.text}</p>;
    case "load":
      return <Load model={model} item={row.item} text={row.text} />;
    case "images":
      return <Images model={model} item={row.item} />;
    case "fold":
      return <Fold model={model} row={row} />;
    case "hunk":
      return <HunkHead model={model} item={row.item} hunk={row.hunk} />;
    case "line":
      return <Line model={model} item={row.item} hunk={row.hunk} line={row.line} />;
    case "pair":
      return <Pair model={model} row={row} />;
    case "comment":
      return <CommentCard model={model} comment={row.comment} />;
    case "write":
      return <WriteComment model={model} />;
  }
}

export function Counts({ item }: { item: Item }) {
  const { added, removed } = item.file;
  if (added === null || removed === null || added + removed === 0) return null;
  return (
    <span class="counts" aria-label={`${added} lines added, ${removed} removed`}>
      {added > 0 && <span class="added">+{added}</span>}
      {removed > 0 && <span class="removed">−{removed}</span>}
    </span>
  );
}

const WORDS = { stage: "Stage", unstage: "Unstage" } as const;

function FileHead({ model, item }: { model: Model; item: Item }) {
  const folded = model.isFolded(item);
  const verb = model.verb(item);
  const { file } = item;
  return (
    <div class="file-head">
      <button
        class="button ghost icon small"
        aria-expanded={!folded}
        aria-label={folded ? `Show ${visible(file.path)}` : `Fold ${visible(file.path)}`}
        onClick={() => model.fold(item)}
      >
        <Icon name={folded ? "right" : "down"} size={14} />
      </button>
      <h2 class="truncate mono" title={visible(file.path)}>
        {file.old_path && <span class="meta">{foreign(file.old_path)} → </span>}
        {foreign(file.path)}
      </h2>
      <CopyButton text={file.path} label={`Copy ${visible(file.path)}`} class="ghost small" />
      <Counts item={item} />
      {item.section === "staged" && <span class="chip staged">staged</span>}
      {item.section === "conflicted" && <span class="chip conflicted">conflicted</span>}
      {file.generated && <span class="chip">generated</span>}
      {model.isChanged(item) && <span class="chip since">changed since you viewed it</span>}
      <span class="grow" />
      <label class="check viewed">
        <input
          type="checkbox"
          checked={model.isViewed(item)}
          disabled={model.versionOf(item) === null}
          onChange={() => model.view(item)}
        />
        Viewed
      </label>
      {verb && (
        <button class="button small" disabled={model.busy.value} onClick={() => model.toggleFiles([item])}>
          {WORDS[verb]} file
        </button>
      )}
      {model.canDiscard(item) && (
        <button class="button ghost small" disabled={model.busy.value} onClick={() => askDiscard(model, item)}>
          Discard…
        </button>
      )}
    </div>
  );
}

/** Nothing is asked where nothing can be discarded. */
export function askDiscard(model: Model, item: Item, hunk?: DiffHunk): void {
  if (!model.canDiscard(item, hunk !== undefined)) return;
  const name = visible(item.file.path);
  const what = hunk ? `a hunk of ${name}` : item.section === "untracked" ? name : `the changes of ${name}`;
  ask({
    title: `Discard ${what}?`,
    text:
      item.section === "untracked" && !hunk
        ? "Git does not track this file: it is removed from the disk and kept for 30 days; Undo brings it back."
        : "They are removed from the file and kept for 30 days; Undo brings them back.",
    verb: "Discard",
    destroys: true,
    run: () => model.discard(item, hunk),
  });
}

function HunkHead({ model, item, hunk }: { model: Model; item: Item; hunk: DiffHunk }) {
  const verb = model.verb(item, true);
  const span = (start: number, lines: number): string => (lines === 1 ? `${start}` : `${start},${lines}`);
  return (
    <div class="hunk-head">
      <code class="truncate">
        @@ {span(hunk.old_start, hunk.old_lines)} → {span(hunk.new_start, hunk.new_lines)} @@ {visible(hunk.heading)}
      </code>
      {hunk.words_left_out && (
        <span class="meta" title="Lines are too long, or too many, to mark the words that changed">
          words not marked
        </span>
      )}
      <span class="grow" />
      {verb && (
        <button class="button small" disabled={model.busy.value} onClick={() => model.toggleHunk(item, hunk)}>
          {WORDS[verb]} hunk
        </button>
      )}
      {model.canDiscard(item, true) && (
        <button class="button ghost small" disabled={model.busy.value} onClick={() => askDiscard(model, item, hunk)}>
          Discard…
        </button>
      )}
    </div>
  );
}

function signOf(line: DiffLine): "+" | "−" | "" {
  return line.old === null ? "+" : line.new === null ? "−" : "";
}

const CLASSES = { "+": " added", "−": " removed", "": "" } as const;

/** The number of a line. A changed one is chosen by it. */
function Gutter({ model, item, line, number }: { model: Model; item: Item; line: DiffLine; number: number | null }) {
  const sign = signOf(line);
  if (number === null) return <span class="gutter" />;
  if (sign === "" || model.verb(item, true) === null) return <span class="gutter">{number}</span>;
  const chosen = model.isChosen(item, line);
  return (
    <button
      class="gutter"
      tabIndex={-1}
      aria-pressed={chosen}
      aria-label={`Choose ${sign === "+" ? "added" : "removed"} line ${number}`}
      onClick={(event) => model.pick(item, line, event.shiftKey)}
    >
      {number}
    </button>
  );
}

function AddComment({ model, item, line }: { model: Model; item: Item; line: DiffLine }) {
  return (
    <button
      class="add-comment"
      tabIndex={-1}
      aria-label={`Comment on line ${line.new ?? line.old}`}
      onClick={() => model.write(item, line)}
    >
      <Icon name="plus" size={12} />
    </button>
  );
}

function Line({ model, item, hunk, line }: { model: Model; item: Item; hunk: DiffHunk | null; line: DiffLine }) {
  const sign = signOf(line);
  return (
    <div class={`line${CLASSES[sign]}${model.isChosen(item, line) ? " chosen" : ""}`}>
      <Gutter model={model} item={item} line={line} number={line.old} />
      <Gutter model={model} item={item} line={line} number={line.new} />
      <AddComment model={model} item={item} line={line} />
      <span class="sign">{sign}</span>
      <Code hunk={hunk} line={line} path={item.file.path} />
    </div>
  );
}

function Pair({ model, row }: { model: Model; row: Row & { kind: "pair" } }) {
  const { left, right } = row.pair;
  const half = (line: DiffLine | null, number: number | null) => {
    if (line === null) return <div class="line half none" />;
    const sign = signOf(line);
    return (
      <div class={`line half${CLASSES[sign]}${model.isChosen(row.item, line) ? " chosen" : ""}`}>
        <Gutter model={model} item={row.item} line={line} number={number} />
        <AddComment model={model} item={row.item} line={line} />
        <span class="sign">{sign}</span>
        <Code hunk={row.hunk} line={line} path={row.item.file.path} />
      </div>
    );
  };
  return (
    <div class="pair">
      {half(left, left?.old ?? null)}
      {half(right, right?.new ?? null)}
    </div>
  );
}

function Load({ model, item, text }: { model: Model; item: Item; text: string }) {
  const known = model.loaded.value.get(item.key);
  useEffect(() => {
    model.loadMore(item);
  }, [known?.diff]);
  return <p class="diff-note">{text}…</p>;
}

function Fold({ model, row }: { model: Model; row: Row & { kind: "fold" } }) {
  const already = model.loaded.value.get(row.item.key)?.unfolded.get(row.from)?.length ?? 0;
  const left = row.to - row.from - already;
  return (
    <button class="fold" onClick={() => void model.unfold(row.item, row.from, row.to)}>
      <Icon name="down" size={12} />
      {left === 1 ? "1 unchanged line" : `${left.toLocaleString("en")} unchanged lines`}
      {row.heading && <code class="truncate"> · {visible(row.heading)}</code>}
    </button>
  );
}

function Images({ model, item }: { model: Model; item: Item }) {
  const sides = [
    ["Before", item.base, item.file.old_mode],
    ["After", item.to, item.file.new_mode],
  ] as const;
  return (
    <div class="diff-images">
      {sides.map(([word, of, mode]) => (
        <figure key={word}>
          <figcaption class="meta">{word}</figcaption>
          {mode === null ? (
            <p class="meta">No image.</p>
          ) : (
            <Picture path={model.image(item, of)} label={`${visible(item.file.path)}, ${word.toLowerCase()}`} />
          )}
        </figure>
      ))}
    </div>
  );
}

const STATES = { draft: "draft", sent: "sent", addressed: "done" } as const;

export function CommentCard({ model, comment }: { model: Model; comment: Comment }) {
  const editing = useSignal(false);
  const lines = comment.from === comment.to ? `line ${comment.from}` : `lines ${comment.from} to ${comment.to}`;
  return (
    <article class={`comment ${comment.state}`} aria-label={`Comment ${comment.id}`}>
      <header>
        <b>Comment {comment.id}</b>
        <span class="meta">
          {lines}
          {comment.side === "old" && " before"} · {visible(comment.author)}
        </span>
        <span class={`chip comment-${comment.state}`}>{STATES[comment.state]}</span>
        {comment.stale && <span class="chip conflicted">its lines are gone</span>}
      </header>
      {comment.stale && <pre class="quote">{comment.quote.map((line) => visible(line)).join("\n")}</pre>}
      {editing.value ? (
        <Editor
          first={comment.text}
          verb="Save"
          cancel={() => (editing.value = false)}
          save={async (text) => {
            await model.editComment(comment, text);
            editing.value = false;
          }}
        />
      ) : (
        <p class="comment-text">{visibleLines(comment.text)}</p>
      )}
      {!editing.value && (
        <div class="row-of">
          {comment.state === "draft" && (
            <button class="button small" onClick={() => (editing.value = true)}>
              Edit
            </button>
          )}
          {comment.state === "sent" && (
            <button class="button small" onClick={() => void model.addressComment(comment)}>
              Mark as done
            </button>
          )}
          <button class="button ghost small" onClick={() => void model.removeComment(comment)}>
            Delete
          </button>
        </div>
      )}
    </article>
  );
}

function visibleLines(text: string): string {
  return text
    .split("\n")
    .map((line) => visible(line))
    .join("\n");
}

function WriteComment({ model }: { model: Model }) {
  const at = model.writing.value;
  if (!at) return null;
  const where = at.from === at.to ? `line ${at.to}` : `lines ${at.from} to ${at.to}`;
  return (
    <div class="comment draft">
      <header>
        <b>You, on {where}</b>
      </header>
      <Editor
        // What was begun survives a reload.
        store={`codepiper.comment.${model.session.id}`}
        first=""
        verb="Add comment"
        cancel={() => (model.writing.value = null)}
        save={(text) => model.comment(text).then(() => undefined)}
      />
    </div>
  );
}

function Editor({
  first,
  verb,
  store,
  cancel,
  save,
}: {
  first: string;
  verb: string;
  store?: string;
  cancel: () => void;
  save: (text: string) => Promise<void>;
}) {
  const text = useSignal((store && sessionStorage.getItem(store)) || first);
  const field = useRef<HTMLTextAreaElement>(null);
  // Before it is painted: what is typed next belongs here.
  useLayoutEffect(() => field.current?.focus(), []);
  const keep = (value: string): void => {
    text.value = value;
    if (store) sessionStorage.setItem(store, value);
  };
  const submit = async (): Promise<void> => {
    if (text.value.trim() === "") return;
    await save(text.value);
    if (store) sessionStorage.removeItem(store);
  };
  return (
    <>
      <textarea
        ref={field}
        class="input"
        rows={3}
        aria-label="Comment"
        value={text.value}
        onInput={(event) => keep(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) {
            event.preventDefault();
            void submit();
          } else if (event.key === "Escape") {
            event.stopPropagation();
            cancel();
          }
        }}
      />
      <div class="row-of">
        <button class="button primary small" disabled={text.value.trim() === ""} onClick={() => void submit()}>
          {verb}
        </button>
        <button class="button ghost small" onClick={cancel}>
          Cancel
        </button>
      </div>
    </>
  );
}
