import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Entry, Session, Usage } from "../wire";
import { CopyButton } from "../ui/copy";
import { Icon } from "../ui/icon";
import { providerName } from "../providers";
import { fullTime, duration } from "../words";
import { clock } from "../clock";
import { plain } from "./plain";
import { colourBlocks } from "./code";
import type { Feed } from "./feed";
import { languageOf, markdown } from "./markdown";
import { Images, Tool } from "./tool";

export interface Shown {
  session: Session;
  feed: Feed;
  entry: Entry;
  /** The entry before it, if it is known. */
  before: Entry | undefined;
  /** Goes to a moment in the terminal. */
  show: (at: number) => void;
}

export function EntryView(shown: Shown) {
  const { entry, before } = shown;
  const speaker = speakerOf(entry);
  const begins = speaker !== null && (before === undefined || speakerOf(before) !== speaker || between(before));
  return (
    <div class={begins ? "said begins" : "said"}>
      <div class="who">{begins && <Who {...shown} speaker={speaker} />}</div>
      <div class="what">
        <What {...shown} />
      </div>
    </div>
  );
}

function Who({ session, entry, speaker }: Shown & { speaker: "you" | "agent" }) {
  const at = time(entry);
  return (
    <>
      <b class={speaker === "you" ? "" : "tone-accent"}>
        {speaker === "you" ? "You" : providerName(session.provider).split(" ")[0]}
      </b>
      {at !== null && (
        <time class="meta" title={fullTime(at)}>
          {clock(at)}
        </time>
      )}
    </>
  );
}

function speakerOf({ kind }: Entry): "you" | "agent" | null {
  if (kind === "prompt") return "you";
  return kind === "text" || kind === "thinking" || kind === "tool" ? "agent" : null;
}

function between({ kind }: Entry): boolean {
  return kind === "turn_ended" || kind === "interrupted";
}

export function time({ at }: { at: string | null }): number | null {
  return at === null ? null : Date.parse(at);
}

function What(shown: Shown) {
  const { entry, feed } = shown;
  switch (entry.kind) {
    case "prompt":
      return (
        <Copied text={entry.text}>
          <div class="prompt">
            {entry.text}
            <Images {...shown} images={entry.images} />
          </div>
          <More entry={entry} feed={feed} />
        </Copied>
      );
    case "text":
      return (
        <Copied text={entry.text}>
          <Prose text={entry.text} />
          <More entry={entry} feed={feed} />
        </Copied>
      );
    case "thinking":
      return <Thinking {...shown} text={entry.text} />;
    case "tool":
      return <Tool {...shown} call={entry} />;
    case "note":
      return <Line>{plain(entry.text)}</Line>;
    case "compacted":
      return (
        <Line>
          {entry.automatic === true
            ? "The conversation was compacted automatically."
            : "The conversation was compacted."}
        </Line>
      );
    case "model_changed":
      return (
        <Line>
          The model is now <code>{entry.model}</code>.
        </Line>
      );
    case "failed":
      return (
        <p class="notice bad">
          <Icon name="warning" />
          {plain(entry.text)}
        </p>
      );
    case "interrupted":
      return (
        <Line>
          Interrupted. <Spent usage={entry.usage} model={null} took={null} /> <Moment {...shown} />
        </Line>
      );
    case "turn_ended":
      return (
        <Line>
          <Spent usage={entry.usage} model={entry.model} took={entry.duration_ms} /> <Moment {...shown} />
        </Line>
      );
  }
}

function Line({ children }: { children: ComponentChildren }) {
  return <p class="meta turn-line">{children}</p>;
}

/** A text that can be copied as it was written. */
function Copied({ text, children }: { text: string; children: ComponentChildren }) {
  return (
    <div class="copied">
      {children}
      <span class="copy-place">
        <CopyButton text={text} />
      </span>
    </div>
  );
}

/** What was cut is there when one asks for it. */
export function More({ entry, feed }: { entry: Entry; feed: Feed }) {
  if (!entry.cut) return null;
  return (
    <button class="text-button" onClick={() => void feed.whole(entry.number)}>
      Show all
    </button>
  );
}

function Prose({ text }: { text: string }) {
  const root = useRef<HTMLDivElement>(null);
  const rendered = useMemo(() => markdown(text), [text]);
  useEffect(() => {
    const element = root.current;
    if (!element) return;
    element.replaceChildren(rendered);
    return colourBlocks(element, languageOf);
  }, [rendered]);
  return <div class="prose" ref={root} />;
}

function Thinking({ entry, feed, before, text }: Shown & { text: string }) {
  const open = useSignal(false);
  const [since, at] = [before && time(before), time(entry)];
  const took = typeof since === "number" && at !== null && at - since >= 1000 ? ` for ${duration(at - since)}` : "";
  return (
    <div class="thinking">
      <button class="fold" aria-expanded={open.value} onClick={() => (open.value = !open.value)}>
        <Icon name="bulb" size={14} />
        Thought{took}
        <Icon name={open.value ? "down" : "right"} size={14} />
      </button>
      {open.value && (
        <>
          <Prose text={text} />
          <More entry={entry} feed={feed} />
        </>
      )}
    </div>
  );
}

function Moment({ entry, show }: Shown) {
  const at = time(entry);
  if (at === null) return null;
  return (
    <button class="text-button" onClick={() => show(at)}>
      show in terminal
    </button>
  );
}

/** What it cost, if anything. */
function Spent({ usage, model, took }: { usage: Usage; model: string | null; took: number | null }) {
  const parts: string[] = [];
  if (model !== null) parts.push(model);
  if (usage.input > 0)
    parts.push(
      `${short(usage.input)} in (${Math.round((100 * usage.cached) / usage.input)} % cached)`,
      `${short(usage.output)} out`,
    );
  if (took !== null && took >= 1000) parts.push(duration(took));
  return <>{parts.map((part) => `${part} · `).join("")}</>;
}

/** 18,437 is 18.4k. */
export function short(tokens: number): string {
  if (tokens < 1000) return String(tokens);
  return tokens < 1_000_000 ? `${(tokens / 1000).toFixed(1)}k` : `${(tokens / 1_000_000).toFixed(1)}M`;
}
