import "../styles/records.css";
import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { useLocation } from "preact-iso";
import type { Event, FoundEvents, Session, Source } from "../wire";
import { summary } from "../describe";
import { problemOf, request } from "../http";
import { bind } from "../shortcuts";
import { live, onEvent } from "../store";
import { CopyButton } from "../ui/copy";
import { Icon } from "../ui/icon";
import { clockExact, count, fullTime } from "../words";

const SOURCES: readonly Source[] = [
  "hook",
  "transcript",
  "terminal",
  "session",
  "policy",
  "input",
  "git",
  "auth",
  "system",
];
/** Events in one answer. */
const PAGE = 300;

/** The session's events, newest first; new ones enter by themselves while the list is at its top. */
export function useEvents(session: Session, paused: () => boolean) {
  const events = useSignal<readonly Event[]>([]);
  const held = useSignal<readonly Event[]>([]);
  const loaded = useSignal(false);
  const all = useSignal(false);
  const failed = useSignal<string | null>(null);
  const load = async (before: number | null): Promise<void> => {
    try {
      const older = before === null ? "" : `&before=${before}`;
      const found = await request<FoundEvents>("GET", `/api/events?session=${session.id}&limit=${PAGE}${older}`);
      events.value = [...(before === null ? [] : events.value), ...found.events.reverse()];
      all.value = found.events.length < PAGE;
      failed.value = null;
    } catch (error) {
      failed.value = problemOf(error).detail;
    }
    loaded.value = true;
  };
  useEffect(() => {
    void load(null);
    return onEvent((event) => {
      if (event.session !== session.id) return;
      if (paused()) held.value = [event, ...held.value];
      else if (!events.value.some((known) => known.seq === event.seq)) events.value = [event, ...events.value];
    });
  }, [session.id]);
  return {
    events,
    held,
    loaded,
    failed,
    hasOlder: () => !all.value,
    older: () => void load(events.value.at(-1)?.seq ?? null),
    release: () => {
      events.value = [...held.value, ...events.value];
      held.value = [];
    },
  };
}

export function EventsTab({ session }: { session: Session }) {
  const text = useSignal("");
  const source = useSignal<Source | "">("");
  const open = useSignal<number | null>(null);
  const paused = useSignal(false);
  const list = useRef<HTMLDivElement>(null);
  const filter = useRef<HTMLInputElement>(null);
  const { route } = useLocation();
  const feed = useEvents(session, () => paused.value || (list.current?.scrollTop ?? 0) > 4);
  useEffect(() => bind({ p: () => toggle(), "/": () => filter.current?.focus() }), []);
  const toggle = (): void => {
    paused.value = !paused.value;
    if (!paused.value) feed.release();
  };
  const wanted = text.value.toLowerCase();
  const shown = useMemo(
    () =>
      feed.events.value.filter(
        (event) =>
          (source.value === "" || event.source === source.value) &&
          (wanted === "" || event.kind.includes(wanted) || summary(event).toLowerCase().includes(wanted)),
      ),
    [feed.events.value, source.value, wanted],
  );
  const present = SOURCES.filter((each) => feed.events.value.some((event) => event.source === each));
  return (
    <>
      <div class="filters">
        <div class="search-field event-search">
          <Icon name="search" />
          <input
            ref={filter}
            class="input"
            type="search"
            placeholder="Kind or text"
            aria-label="Kind or text"
            value={text.value}
            onInput={(event) => (text.value = event.currentTarget.value)}
          />
        </div>
        <select
          class="select picker"
          aria-label="Source"
          value={source.value}
          onChange={(event) => (source.value = event.currentTarget.value as Source | "")}
        >
          <option value="">Source: all</option>
          {present.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </select>
        <span class="grow" />
        {feed.held.value.length > 0 && (
          <button
            class="button"
            onClick={() => {
              paused.value = false;
              feed.release();
              list.current?.scrollTo({ top: 0 });
            }}
          >
            {feed.held.value.length} new
          </button>
        )}
        <LiveWord paused={paused.value} />
        <button class="button" aria-pressed={paused.value} onClick={toggle}>
          {paused.value ? "Resume" : "Pause"} <kbd>P</kbd>
        </button>
      </div>
      <div class="scroll events" ref={list} tabIndex={-1}>
        <div class="event-columns" aria-hidden="true">
          <span>Time</span>
          <span>Source</span>
          <span class="col-kind">Kind</span>
          <span>What</span>
        </div>
        {feed.failed.value && <p class="pad tone-bad">{feed.failed.value}</p>}
        {feed.loaded.value && shown.length === 0 && !feed.failed.value && (
          <p class="pad meta">
            {source.value
              ? `Nothing from ${source.value} yet.`
              : wanted
                ? `No event matches “${text.value}”.`
                : "Nothing happened yet."}
          </p>
        )}
        <ul>
          {shown.map((event) => (
            <li key={event.seq} class={open.value === event.seq ? "event open" : "event"}>
              <button
                class="event-row"
                aria-expanded={open.value === event.seq}
                onClick={() => (open.value = open.value === event.seq ? null : event.seq)}
              >
                <time class="mono meta" title={fullTime(Date.parse(event.at))}>
                  {clockExact(Date.parse(event.at))}
                </time>
                <span>
                  <span class={`chip source source-${event.source}`}>{event.source}</span>
                </span>
                <code class="col-kind truncate">{event.kind}</code>
                <span class="truncate">{summary(event)}</span>
              </button>
              {open.value === event.seq && (
                <div class="event-detail">
                  <pre tabIndex={0}>{JSON.stringify(event, null, 2)}</pre>
                  <div class="row-of">
                    <button class="button" onClick={() => route(`/sessions/${session.id}?at=${momentOf(event)}`)}>
                      <Icon name="clock" size={14} />
                      Show this moment in the terminal
                    </button>
                    <CopyButton text={JSON.stringify(event)} label="Copy JSON" word />
                  </div>
                </div>
              )}
            </li>
          ))}
        </ul>
        {feed.loaded.value && feed.hasOlder() && (
          <p class="pad">
            <button class="button" onClick={feed.older}>
              Older events
            </button>
          </p>
        )}
        {feed.loaded.value && !feed.hasOlder() && shown.length > 20 && (
          <p class="pad meta">{count(feed.events.value.length, "event")}: that is all.</p>
        )}
      </div>
    </>
  );
}

function momentOf(event: Event): string {
  return "cursor" in event.data ? encodeURIComponent(event.data.cursor) : String(Date.parse(event.at));
}

export function LiveWord({ paused }: { paused: boolean }) {
  if (paused) return <span class="status tone-info">Paused</span>;
  return live.value ? (
    <span class="status tone-accent">
      <span class="dot" />
      Live
    </span>
  ) : (
    <span class="status tone-info">Reconnecting</span>
  );
}
