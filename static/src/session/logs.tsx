import "../styles/records.css";
import { fullTime } from "../words";
import { useSignal } from "@preact/signals";
import { useMemo, useRef } from "preact/hooks";
import type { Event, Session } from "../wire";
import { now } from "../store";
import { Icon, type IconName } from "../ui/icon";
import { StateMark } from "../ui/state_mark";
import { Described, describedText } from "../ui/described";
import { clockSeconds, dayName } from "../clock";
import { RecordFilters, useEvents } from "./event_feed";

/** Hooks and what happened to the session, in sentences. */
export function LogsTab({ session }: { session: Session }) {
  const text = useSignal("");
  const list = useRef<HTMLDivElement>(null);
  const feed = useEvents(session, () => (list.current?.scrollTop ?? 0) > 4);
  const wanted = text.value.toLowerCase();
  const lines = useMemo(
    () =>
      feed.events.value
        .filter(isForLogs)
        .filter((event) => describedText(event.description).toLowerCase().includes(wanted)),
    [feed.events.value, wanted],
  );
  let day = "";
  return (
    <>
      <RecordFilters
        text={text}
        label="Filter by text"
        held={feed.held.value.length}
        release={() => {
          feed.release();
          list.current?.scrollTo({ top: 0 });
        }}
        paused={false}
      />
      <div class="scroll logs" ref={list} tabIndex={0} role="region" aria-label="Logs">
        {feed.failed.value && <p class="pad tone-bad">{feed.failed.value}</p>}
        {feed.loaded.value && lines.length === 0 && !feed.failed.value && (
          <p class="pad meta">{wanted ? `No lines match “${text.value}”.` : "Nothing logged yet."}</p>
        )}
        {lines.map((event) => {
          const at = Date.parse(event.at);
          const own = dayName(at, now.value);
          const heading = own === day ? null : own;
          day = own;
          return (
            <>
              {heading && (
                <h2 key={heading} class="day">
                  {heading}
                </h2>
              )}
              <div key={event.seq} class="log-line">
                <time class="mono meta" title={fullTime(at)}>
                  {clockSeconds(at)}
                </time>
                <LogMark event={event} />
                <p>
                  <Described of={event.description} />
                </p>
              </div>
            </>
          );
        })}
        {feed.loaded.value && feed.hasOlder() && (
          <p class="pad">
            <button class="button" onClick={feed.older}>
              Load older
            </button>
          </p>
        )}
      </div>
    </>
  );
}

/** The rest is noise to one who reads. */
function isForLogs({ source, kind }: Event): boolean {
  if (kind === "terminal.resized" || kind === "terminal.gap_recorded") return true;
  return source === "hook" || source === "session" || source === "system" || source === "auth";
}

function LogMark({ event }: { event: Event }) {
  if (event.kind === "hook.permission_requested") return <Marked tone="warm" mark="permission" />;
  if (event.kind === "session.activity_changed") {
    const { activity, waiting_for: what } = event.data;
    if (activity === "waiting")
      return <Marked tone="warm" mark={what && what !== "permission" ? "question" : "permission"} />;
    return (
      <Marked tone={activity === "working" ? "accent" : activity === "unknown" ? "unk" : "rest"} mark={activity} />
    );
  }
  if (event.kind === "session.ended") return <Marked tone="rest" mark="stopped" />;
  return (
    <span class="meta">
      <Icon name={iconOf(event)} />
    </span>
  );
}

function Marked({
  tone,
  mark,
}: {
  tone: string;
  mark: "permission" | "question" | "working" | "idle" | "unknown" | "stopped";
}) {
  return (
    <span class={`tone-${tone}`}>
      <StateMark icon={mark} />
    </span>
  );
}

function iconOf(event: Event): IconName {
  switch (event.kind) {
    case "session.created":
    case "session.started":
    case "session.adopted":
    case "hook.session_started":
      return "play";
    case "hook.prompt_submitted":
      return "send";
    case "hook.tool_announced":
      return "right";
    case "hook.tool_used":
      return "tick";
    case "hook.tool_failed":
    case "hook.turn_failed":
    case "terminal.gap_recorded":
    case "auth.agent_refused":
    case "auth.shim_refused":
    case "system.tmux_lost":
      return "warning";
    case "terminal.resized":
      return "fit";
    case "session.renamed":
      return "pencil";
    case "hook.notified":
      return "bell";
    case "system.tmux_connected":
      return "link";
    default:
      return "minus";
  }
}
