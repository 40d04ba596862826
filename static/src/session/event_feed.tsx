// The events of a session, and what the pages that list them have in common.

import { type Signal, useSignal } from "@preact/signals";
import type { ComponentChildren, RefObject } from "preact";
import { useEffect } from "preact/hooks";
import type { Event, FoundEvents, Session } from "../wire";
import { problemOf, request } from "../http";
import { live, onEvent } from "../store";
import { Icon } from "../ui/icon";

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

interface FiltersProps {
  /** What is looked for. */
  text: Signal<string>;
  label: string;
  field?: RefObject<HTMLInputElement | null>;
  /** New events that are not in the list yet. */
  held: number;
  release: () => void;
  paused: boolean;
  /** Other filters. */
  children?: ComponentChildren;
  /** Behind the rest. */
  end?: ComponentChildren;
}

export function RecordFilters({ text, label, field, held, release, paused, children, end }: FiltersProps) {
  return (
    <div class="filters">
      <div class="search-field event-search">
        <Icon name="search" />
        <input
          {...(field ? { ref: field } : {})}
          class="input"
          type="search"
          placeholder={label}
          aria-label={label}
          value={text.value}
          onInput={(event) => (text.value = event.currentTarget.value)}
        />
      </div>
      {children}
      <span class="grow" />
      {held > 0 && (
        <button class="button" onClick={release}>
          {held} new
        </button>
      )}
      <LiveWord paused={paused} />
      {end}
    </div>
  );
}

function LiveWord({ paused }: { paused: boolean }) {
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
