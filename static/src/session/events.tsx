import "../styles/records.css";
import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { useLocation } from "preact-iso";
import type { Event, Session, Source } from "../wire";
import { bind } from "../shortcuts";
import { CopyButton } from "../ui/copy";
import { describedText } from "../ui/described";
import { Icon } from "../ui/icon";
import { fullTime, count } from "../words";
import { clockExact } from "../clock";
import { RecordFilters, useEvents } from "./event_feed";

export function EventsTab({ session }: { session: Session }) {
  const text = useSignal("");
  const source = useSignal<Source | "">("");
  const open = useSignal<number | null>(null);
  const paused = useSignal(false);
  const list = useRef<HTMLDivElement>(null);
  const filter = useRef<HTMLInputElement>(null);
  const feed = useEvents(session, () => paused.value || (list.current?.scrollTop ?? 0) > 4);
  useEffect(() => bind("", { p: () => toggle(), "/": () => filter.current?.focus() }), []);
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
          (wanted === "" ||
            event.kind.includes(wanted) ||
            describedText(event.description).toLowerCase().includes(wanted)),
      ),
    [feed.events.value, source.value, wanted],
  );
  const present = [...new Set(feed.events.value.map((event) => event.source))].sort();
  const none = source.value
    ? `No ${source.value} events yet.`
    : wanted
      ? `No events match “${text.value}”.`
      : "No events yet.";
  return (
    <>
      <RecordFilters
        text={text}
        label="Filter by kind or text"
        field={filter}
        held={feed.held.value.length}
        release={() => {
          paused.value = false;
          feed.release();
          list.current?.scrollTo({ top: 0 });
        }}
        paused={paused.value}
        end={
          <button class="button" aria-pressed={paused.value} onClick={toggle}>
            {paused.value ? "Resume" : "Pause"} <kbd>P</kbd>
          </button>
        }
      >
        <SourcePicker source={source} present={present} />
      </RecordFilters>
      <div class="scroll events" ref={list} tabIndex={-1}>
        <div class="event-columns" aria-hidden="true">
          <span>Time</span>
          <span>Source</span>
          <span class="col-kind">Kind</span>
          <span>Summary</span>
        </div>
        {feed.failed.value && <p class="pad tone-bad">{feed.failed.value}</p>}
        {feed.loaded.value && shown.length === 0 && !feed.failed.value && <p class="pad meta">{none}</p>}
        <ul>
          {shown.map((event) => (
            <EventRow key={event.seq} session={session} event={event} open={open} />
          ))}
        </ul>
        {feed.loaded.value && feed.hasOlder() && (
          <p class="pad">
            <button class="button" onClick={feed.older}>
              Load older events
            </button>
          </p>
        )}
        {feed.loaded.value && !feed.hasOlder() && shown.length > 20 && (
          <p class="pad meta">All {count(feed.events.value.length, "event")} loaded.</p>
        )}
      </div>
    </>
  );
}

function SourcePicker({ source, present }: { source: Signal<Source | "">; present: readonly Source[] }) {
  return (
    <select
      class="select picker"
      aria-label="Source"
      value={source.value}
      onChange={(event) => (source.value = event.currentTarget.value as Source | "")}
    >
      <option value="">All sources</option>
      {present.map((each) => (
        <option key={each} value={each}>
          {each}
        </option>
      ))}
    </select>
  );
}

/** A line that opens to the whole event. */
function EventRow({ session, event, open }: { session: Session; event: Event; open: Signal<number | null> }) {
  const { route } = useLocation();
  const isOpen = open.value === event.seq;
  return (
    <li class={isOpen ? "event open" : "event"}>
      <button class="event-row" aria-expanded={isOpen} onClick={() => (open.value = isOpen ? null : event.seq)}>
        <time class="mono meta" title={fullTime(Date.parse(event.at))}>
          {clockExact(Date.parse(event.at))}
        </time>
        <span>
          <span class={`chip source source-${event.source}`}>{event.source}</span>
        </span>
        <code class="col-kind truncate">{event.kind}</code>
        <span class="truncate">{describedText(event.description)}</span>
      </button>
      {isOpen && (
        <div class="event-detail">
          <pre tabIndex={0}>{JSON.stringify(event, null, 2)}</pre>
          <div class="row-of">
            <button class="button" onClick={() => route(`/sessions/${session.id}?at=${momentOf(event)}`)}>
              <Icon name="clock" size={14} />
              Show in terminal
            </button>
            <CopyButton text={JSON.stringify(event)} label="Copy JSON" word />
          </div>
        </div>
      )}
    </li>
  );
}

function momentOf(event: Event): string {
  return "cursor" in event.data ? encodeURIComponent(event.data.cursor) : String(Date.parse(event.at));
}
