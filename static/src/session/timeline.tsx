import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Cursor, Event, Marker, Session, Timeline as Answer } from "../wire";
import { request } from "../http";
import { bind } from "../shortcuts";
import { now, onEvent, traces } from "../store";
import { extended, spanOf, type Span } from "../trace";
import { BARS, STATE_WORDS, traceSentence, within } from "../trace_words";
import { isLive } from "../words";
import { clock, clockSeconds } from "../clock";

/** Several events in a row are one request, in ms. */
const CALM = 500;
/** A mark is pointed at within so many px. */
const NEAR = 5;
/** The mark that one is at is not the next one: further away than this, in ms. */
const APART = 500;

/** The states and marks of a session, as they become. */
function useTimeline(session: Session) {
  const spans = useSignal<readonly Span[]>([]);
  const markers = useSignal<readonly Marker[]>([]);
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
  const known = spans.value.length > 0 ? spans.value : (traces.value.get(session.id) ?? []);
  return { spans: extended(known, session), markers };
}

/** A span of time on a line of so many px. */
class Scale {
  constructor(
    readonly from: number,
    readonly to: number,
    readonly width: number,
  ) {}

  readonly x = (time: number): number => ((time - this.from) / (this.to - this.from)) * this.width;

  time(x: number): number {
    return this.from + Math.max(0, Math.min(this.width, x)) * this.perPixel;
  }

  get perPixel(): number {
    return (this.to - this.from) / Math.max(1, this.width);
  }
}

const timeOf = (marker: Marker): number => Date.parse(marker.at);
const momentOf = (marker: Marker): number | Cursor => marker.cursor ?? timeOf(marker);

/** The mark at a time, within a few px. */
function markerNear(time: number, markers: readonly Marker[], scale: Scale): Marker | undefined {
  const distance = (marker: Marker): number => Math.abs(timeOf(marker) - time);
  return markers
    .filter((marker) => distance(marker) <= NEAR * scale.perPixel)
    .sort((a, b) => distance(a) - distance(b))[0];
}

interface Props {
  session: Session;
  /** When what is seen was printed; null: it is seen live. */
  at: number | null;
  goTo: (moment: number | Cursor) => void;
}

/** The whole session on one line; a click goes to that moment. */
export function Timeline({ session, at, goTo }: Props) {
  const { spans, markers } = useTimeline(session);
  const width = useSignal(0);
  /** The time that is pointed at. */
  const hover = useSignal<number | null>(null);
  const strip = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!strip.current) return;
    const observer = new ResizeObserver(([entry]) => (width.value = Math.floor(entry?.contentRect.width ?? 0)));
    observer.observe(strip.current);
    return () => observer.disconnect();
  }, []);
  const from = Date.parse(session.created_at);
  const ended = !isLive(session);
  const to = Math.max(from + 1000, ended ? Date.parse(session.state_since) : now.value);
  const scale = new Scale(from, to, width.value);
  useMarkKeys(at, markers, goTo);

  const go = (time: number): void => {
    const marker = markerNear(time, markers.value, scale);
    goTo(marker ? momentOf(marker) : time);
  };
  const pointed = (event: MouseEvent): number =>
    scale.time(event.clientX - (event.currentTarget as Element).getBoundingClientRect().left);
  const crossing = hover.value ?? at;
  const there = crossing ?? to;
  const told = crossing === null ? undefined : markerNear(crossing, markers.value, scale);
  const under = crossing === null ? undefined : spans.find((span) => span.from <= there && there < (span.to ?? to));
  return (
    <div class="timeline">
      <time class="meta">{clock(from)}</time>
      <div
        class="strip"
        ref={strip}
        role="slider"
        tabIndex={0}
        aria-label="Time in the session"
        aria-valuemin={from}
        aria-valuemax={to}
        aria-valuenow={Math.round(there)}
        aria-valuetext={`${clockSeconds(there)}${under ? `, ${STATE_WORDS[under.state]}` : ""}${told ? `, ${told.text}` : ""}`}
        onPointerMove={(event) => (hover.value = pointed(event))}
        onPointerLeave={() => (hover.value = null)}
        onClick={(event) => go(pointed(event))}
        onBlur={() => (hover.value = null)}
        onKeyDown={(event) => {
          const leap = (to - from) / (event.shiftKey ? 20 : 200);
          const next = { ArrowLeft: there - leap, ArrowRight: there + leap, Home: from, End: to }[event.key];
          if (next !== undefined) hover.value = Math.max(from, Math.min(to, next));
          else if (event.key === "Enter") go(there);
          else return;
          event.preventDefault();
        }}
      >
        <Drawing spans={spans} markers={markers.value} scale={scale} at={at} crossing={crossing} />
        {hover.value !== null && (
          <div class="moment" ref={(box) => placeMoment(box, scale.x(there), width.value)}>
            {clockSeconds(hover.value)}
            {told ? ` · ${told.text}` : under ? ` · ${STATE_WORDS[under.state]}` : ""}
          </div>
        )}
      </div>
      <time class="meta">{at !== null && !ended ? clockSeconds(at) : clock(to)}</time>
    </div>
  );
}

/** `[` and `]` go to the mark before and after what is seen. */
function useMarkKeys(at: number | null, markers: ReadonlySignal<readonly Marker[]>, goTo: Props["goTo"]): void {
  const latest = useRef({ at, goTo });
  latest.current = { at, goTo };
  useEffect(() => {
    const step = (by: 1 | -1) => (): void => {
      const here = latest.current.at ?? Date.now();
      const next =
        by < 0
          ? markers.value.findLast((marker) => timeOf(marker) < here - APART)
          : markers.value.find((marker) => timeOf(marker) > here + APART);
      if (next) latest.current.goTo(momentOf(next));
    };
    return bind("session", { "[": step(-1), "]": step(1) });
  }, []);
}

interface DrawingProps {
  spans: readonly Span[];
  markers: readonly Marker[];
  scale: Scale;
  at: number | null;
  crossing: number | null;
}

function Drawing({ spans, markers, scale, at, crossing }: DrawingProps) {
  const { from, to, width, x } = scale;
  return (
    <svg width={width} height="26" role="img" aria-label={traceSentence(spans, from, to, "The whole session")}>
      {within(spans, from, to).map((part) => {
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
      {at !== null && <rect class="dimmed" x={x(at)} y="0" width={Math.max(0, width - x(at))} height="26" />}
      {markers.map((marker) => (
        <Mark key={marker.seq} marker={marker} x={Math.round(x(timeOf(marker)))} />
      ))}
      {crossing !== null && (
        <rect
          class="now-line"
          x={Math.max(0, Math.min(width - 2, Math.round(x(crossing)) - 1))}
          y="0"
          width="2"
          height="24"
        />
      )}
    </svg>
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
