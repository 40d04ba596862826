import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Edit, Hunk, ToolCall } from "../wire";
import { Picture } from "../ui/picture";
import { CopyButton } from "../ui/copy";
import { Icon, type IconName } from "../ui/icon";
import { count, duration, isLive } from "../words";
import { plain } from "./plain";
import { colourHunk, coloursOf, languageOfFile, slice } from "./code";
import { EntryView, More, time, type Shown } from "./entry";
import { Feed } from "./feed";
import { diffLines, type DiffLine } from "./marks";
import type { Run } from "./syntax";

type Call = Shown & { call: ToolCall };

/** One line: what, its target, its result. Edits are open from the beginning. */
export function Tool(shown: Call) {
  const { call, entry, feed } = shown;
  const open = useSignal(call.edits.length > 0);
  const name = call.name === "" ? "Tool" : plain(call.name);
  return (
    <div class={call.result?.failed ? "tool failed" : "tool"}>
      <button class="tool-head" aria-expanded={open.value} onClick={() => (open.value = !open.value)}>
        <Icon name={open.value ? "down" : "right"} size={14} />
        <Icon name={iconOf(call)} size={14} />
        <b>{name}</b>
        <code class="truncate" title={call.target ?? undefined}>
          {plain(call.target ?? "")}
        </code>
        <span class="grow" />
        <Outcome {...shown} />
      </button>
      {open.value && (
        <div class="tool-body">
          {call.edits.map((edit) => (
            <EditView key={edit.path} edit={edit} />
          ))}
          {call.edits.length === 0 && call.input !== call.target && call.agent === null && (
            <Text text={call.input} label="Input" />
          )}
          {call.agent !== null && <SubAgent {...shown} agent={call.agent} />}
          {call.result !== null && (call.result.failed || call.edits.length === 0) && (
            <Text text={call.result.text} label="Result" />
          )}
          {call.result !== null && <Images {...shown} images={call.result.images} />}
          <More entry={entry} feed={feed} />
        </div>
      )}
    </div>
  );
}

function iconOf(call: ToolCall): IconName {
  if (call.edits.length > 0) return "pencil";
  if (/^(bash|exec_command|shell|local_shell)/i.test(call.name)) return "terminal";
  if (/^(agent|task)$/i.test(call.name)) return "robot";
  if (/search|grep|glob|fetch/i.test(call.name)) return "search";
  return "file";
}

function Outcome({ session, entry, call }: Call) {
  if (call.result === null) return <span class="meta">{isLive(session) ? "no result yet" : "no result"}</span>;
  if (call.result.failed) return <span class="meta tone-bad">failed</span>;
  if (call.edits.length > 0) {
    const sum = (of: (edit: Edit) => number): number => call.edits.reduce((all, edit) => all + of(edit), 0);
    return (
      <span class="counts">
        <span class="added">+{sum((edit) => edit.added)}</span>{" "}
        <span class="removed">−{sum((edit) => edit.removed)}</span>
      </span>
    );
  }
  const [from, to] = [time(entry), time(call.result)];
  const took = from !== null && to !== null ? to - from : 0;
  return <span class="meta">{took >= 1000 ? duration(took) : count(call.result.lines, "line")}</span>;
}

function Text({ text, label }: { text: string; label: string }) {
  if (text === "") return null;
  return (
    <div class="copied">
      <pre tabIndex={0} aria-label={label}>
        {text}
      </pre>
      <span class="copy-place">
        <CopyButton text={text} label={`Copy: ${label.toLowerCase()}`} />
      </span>
    </div>
  );
}

function EditView({ edit }: { edit: Edit }) {
  return (
    <div class="diff" role="group" aria-label={`Changes to ${edit.path}`} tabIndex={0}>
      {edit.hunks.map((hunk, index) => (
        <HunkView key={index} hunk={hunk} path={edit.path} />
      ))}
    </div>
  );
}

function HunkView({ hunk, path }: { hunk: Hunk; path: string }) {
  const [, drawAgain] = useState({});
  const colours = coloursOf(hunk);
  useEffect(() => (colours ? undefined : colourHunk(hunk, languageOfFile(path), () => drawAgain({}))), [hunk, path]);
  return (
    <div class="hunk">
      {diffLines(hunk).map((line, at) => (
        <div
          key={at}
          class={line.sign === "+" ? "diff-line added" : line.sign === "-" ? "diff-line removed" : "diff-line"}
        >
          <span class="number">{line.number}</span>
          <span class="sign">{line.sign === "-" ? "−" : line.sign}</span>
          <DiffCode line={line} runs={colours?.[at]} />
        </div>
      ))}
    </div>
  );
}

function DiffCode({ line, runs }: { line: DiffLine; runs: readonly Run[] | undefined }) {
  const [before, differs] = line.parts;
  const from = before.length;
  const to = from + differs.length;
  const all: readonly Run[] = runs ?? [[line.parts.join(""), null]];
  return (
    <code>
      <Coloured runs={slice(all, 0, from)} />
      {differs !== "" && (
        <mark>
          <Coloured runs={slice(all, from, to)} />
        </mark>
      )}
      <Coloured runs={slice(all, to, Infinity)} />
    </code>
  );
}

function Coloured({ runs }: { runs: readonly Run[] }) {
  return (
    <>
      {runs.map(([text, kind], at) =>
        kind === null ? (
          text
        ) : (
          <span key={at} class={`syn-${kind}`}>
            {text}
          </span>
        ),
      )}
    </>
  );
}

/** What a sub-agent said, in the place where it was called. */
function SubAgent({ agent, ...shown }: Call & { agent: string }) {
  const feed = useMemo(() => new Feed(shown.session.id, agent), [shown.session.id, agent]);
  // Whatever changes the conversation may be its doing.
  const learned = shown.feed.learned.value;
  useEffect(() => void feed.refresh(), [feed, learned]);
  const all = feed.learned.value > 0 ? feed.total : 0;
  const first = Math.max(0, all - 100);
  const numbers = Array.from({ length: all - first }, (_, index) => first + index);
  return (
    <div class="sub-agent" role="group" aria-label="Sub-agent">
      {feed.failed.value && <p class="meta">{feed.failed.value}</p>}
      {first > 0 && <p class="meta">{count(first, "earlier entry", "earlier entries")} not shown.</p>}
      {numbers.map((number) => {
        const entry = feed.entry(number);
        return entry && <EntryView key={number} {...shown} feed={feed} entry={entry} before={feed.entry(number - 1)} />;
      })}
    </div>
  );
}

export function Images({ session, images }: Shown & { images: readonly string[] }) {
  return (
    <>
      {images.map((image) => (
        <span class="picture" key={image}>
          <Picture
            path={`/api/sessions/${session.id}/conversation/images/${encodeURIComponent(image)}`}
            label="Image in the conversation"
          />
        </span>
      ))}
    </>
  );
}
