import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Cursor, Event, Marker, MarkerKind, Session, Timeline as Answer } from "../wire";
import { request } from "../http";
import { bind } from "../shortcuts";
import { now, onEvent, traces } from "../store";
import { extended, spanOf, STATE_WORDS, traceSentence, within, type Span } from "../trace";
import { BARS } from "../ui/trace";
import { clock, clockSeconds, isLive } from "../words";

const WORDS: Record<MarkerKind, string> = {
  started: "Started",
  stopped: "Ended",
  crashed: "Crashed",
  prompt: "Prompt",
  permission: "Permission asked",
  question: "Question asked",
  turn_ended: "Turn ended",
  notification: "Notification",
  resized: "Resized",
  gap: "Output missing",
};

/** Several events in a row are one request, in ms. */
const CALM = 500;

/** The whole session on one line; a click goes to that moment. */
export function Timeline({
  session,
  at,
  goTo,
}: {
  session: Session;
  at: number | null;
  goTo: (moment: number | Cursor) => void;
}) {
  const spans = useSignal<readonly Span[]>([]);
  const markers = useSignal<readonly Marker[]>([]);
  const width = useSignal(0);
  const hover = useSignal<number | null>(null);
  const strip = useRef<HTMLDivElement>(null);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const load = async (): Promise<void> => {
      try {
        const answer = await request<Answer>("GET", `/api/sessions/${session.id}/timeline`);
        spans.value = answer.states.map(spanOf);
        markers.value = answer.markers;
      } catch {
        // What is not known is not drawn; the next event asks again.
      }
    };
    void load();
    const stop = onEvent((event: Event) => {
      if (event.session !== session.id || event.source === "input") return;
      clearTimeout(timer);
      timer = setTimeout(() => void load(), CALM);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [session.id]);
  useEffect(() => {
    if (!strip.current) return;
    const observer = new ResizeObserver(([entry]) => (width.value = Math.floor(entry?.contentRect.width ?? 0)));
    observer.observe(strip.current);
    return () => observer.disconnect();
  }, []);

  const from = Date.parse(session.created_at);
  const ended = !isLive(session);
  const to = Math.max(from + 1000, ended ? Date.parse(session.state_since) : now.value);
  const all = extended(spans.value.length > 0 ? spans.value : (traces.value.get(session.id) ?? []), session);
  const x = (time: number): number => ((time - from) / (to - from)) * width.value;
  const timeAt = (pixel: number): number =>
    from + (Math.max(0, Math.min(width.value, pixel)) / Math.max(1, width.value)) * (to - from);
  const crossing = hover.value ?? at;

  useEffect(
    () =>
      bind({
        "[": () => step(-1),
        "]": () => step(1),
      }),
    [],
  );
  const current = useRef(at);
  current.current = at;
  const step = (by: number): void => {
    const here = current.current ?? Date.now();
    const list = markers.value.filter((marker) =>
      by < 0 ? Date.parse(marker.at) < here - 500 : Date.parse(marker.at) > here + 500,
    );
    const next = by < 0 ? list.at(-1) : list[0];
    if (next) goTo(next.cursor ?? Date.parse(next.at));
  };
  const near = (time: number): Marker | undefined => {
    const reach = ((to - from) / Math.max(1, width.value)) * 5;
    return markers.value
      .filter((marker) => Math.abs(Date.parse(marker.at) - time) <= reach)
      .sort((a, b) => Math.abs(Date.parse(a.at) - time) - Math.abs(Date.parse(b.at) - time))[0];
  };
  const go = (time: number): void => {
    const marker = near(time);
    goTo(marker ? (marker.cursor ?? Date.parse(marker.at)) : time);
  };
  const told = crossing === null ? undefined : near(crossing);
  const under = crossing === null ? undefined : all.find((span) => span.from <= crossing && crossing < (span.to ?? to));
  return (
    <div class="timeline">
      <time class="meta">{clock(from)}</time>
      <div
        class="strip"
        ref={strip}
        role="slider"
        tabIndex={0}
        aria-label="Moment in the session"
        aria-valuemin={from}
        aria-valuemax={to}
        aria-valuenow={Math.round(crossing ?? to)}
        aria-valuetext={`${clockSeconds(crossing ?? to)}${under ? `, ${STATE_WORDS[under.state]}` : ""}${told ? `, ${WORDS[told.kind]}` : ""}`}
        onPointerMove={(event) =>
          (hover.value = timeAt(event.clientX - event.currentTarget.getBoundingClientRect().left))
        }
        onPointerLeave={() => (hover.value = null)}
        onClick={(event) => go(timeAt(event.clientX - event.currentTarget.getBoundingClientRect().left))}
        onBlur={() => (hover.value = null)}
        onKeyDown={(event) => {
          const here = hover.value ?? at ?? to;
          const leap = (to - from) / (event.shiftKey ? 20 : 200);
          const next = { ArrowLeft: here - leap, ArrowRight: here + leap, Home: from, End: to }[event.key];
          if (next !== undefined) hover.value = Math.max(from, Math.min(to, next));
          else if (event.key === "Enter") go(here);
          else return;
          event.preventDefault();
        }}
      >
        <svg width={width.value} height="26" role="img" aria-label={traceSentence(all, from, to, "The whole session")}>
          {within(all, from, to).map((part) => {
            const { y, height } = BARS[part.state];
            const left = Math.round(x(part.from));
            return (
              <rect
                key={part.from}
                class={`span-${part.state}${at !== null && part.from > at ? " later" : ""}`}
                x={left}
                y={y + 2}
                width={Math.max(1, Math.round(x(part.to)) - left)}
                height={height}
              />
            );
          })}
          {at !== null && <rect class="dimmed" x={x(at)} y="0" width={Math.max(0, width.value - x(at))} height="26" />}
          {markers.value.map((marker) => (
            <Mark key={marker.seq} marker={marker} x={Math.round(x(Date.parse(marker.at)))} />
          ))}
          {crossing !== null && (
            <rect
              class="now-line"
              x={Math.max(0, Math.min(width.value - 2, Math.round(x(crossing)) - 1))}
              y="0"
              width="2"
              height="24"
            />
          )}
        </svg>
        {hover.value !== null && (
          <div class="moment" ref={(box) => placeMoment(box, x(hover.value ?? 0), width.value)}>
            {clockSeconds(hover.value)}
            {told
              ? ` · ${WORDS[told.kind]}${told.text ? `: ${told.text}` : ""}`
              : under
                ? ` · ${STATE_WORDS[under.state]}`
                : ""}
          </div>
        )}
      </div>
      <time class="meta">{ended ? clock(to) : at !== null ? clockSeconds(at) : clock(to)}</time>
    </div>
  );
}

function placeMoment(box: HTMLElement | null, x: number, width: number): void {
  if (!box) return;
  const half = box.offsetWidth / 2;
  box.style.setProperty("--x", `${Math.max(0, Math.min(width - 2 * half, x - half))}px`);
}

/** Below the states: a tick for a prompt, a copper square for a permission, dots for the rest. */
function Mark({ marker, x }: { marker: Marker; x: number }) {
  switch (marker.kind) {
    case "prompt":
      return <rect class="mark-prompt" x={x} y="19" width="2" height="6" />;
    case "permission":
    case "question":
      return <rect class="mark-asked" x={x - 2} y="20" width="5" height="5" />;
    case "crashed":
      return <rect class="span-crashed" x={x} y="2" width="2" height="14" />;
    case "gap":
      return <rect class="mark-gap" x={x - 1} y="20" width="3" height="5" />;
    case "notification":
      return <circle class="mark-told" cx={x} cy="22" r="2" />;
    case "started":
    case "stopped":
    case "turn_ended":
    case "resized":
      return <circle class="mark-quiet" cx={x} cy="22" r="1.5" />;
  }
}
