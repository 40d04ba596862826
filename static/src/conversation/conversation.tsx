// The timeline and the composer are those of the terminal.
import "../styles/terminal.css";
import "../styles/conversation.css";
import { useSignal } from "@preact/signals";
import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { useLocation } from "preact-iso";
import type { Entry, Session } from "../wire";
import { followConversation } from "../store";
import { later } from "../ui/later";
import { count, isLive, isWaiting } from "../words";
import { EntryView } from "./entry";
import { Feed } from "./feed";
import { Heights } from "./heights";

const around = () => import("../session/around");
const Asks = later(() => import("../session/asks").then((module) => module.Asks));
const Composer = later(() => around().then((module) => module.Composer));
const Timeline = later(() => around().then((module) => module.Timeline));

/** Entries are shown so far beyond what is visible, in px. */
const BEYOND = 900;
/** Closer to the end than this, in px, one reads what comes. */
const END = 48;

/** What was said, by the provider's transcript. */
export function ConversationView({ session }: { session: Session }) {
  const { route } = useLocation();
  const scroll = useRef<HTMLDivElement>(null);
  const feed = useMemo(() => new Feed(session.id), [session.id]);
  useEffect(() => {
    void feed.refresh();
    return followConversation(session.id, () => void feed.refresh());
  }, [feed]);
  const show = (at: number | string): void => route(`/sessions/${session.id}?at=${encodeURIComponent(String(at))}`);
  return (
    <div class="conversation-view">
      <div class="timeline-place">
        <Timeline session={session} at={null} goTo={show} />
      </div>
      <Entries session={session} feed={feed} show={show} scroll={scroll} />
      {isWaiting(session) && (
        <Asks session={session}>
          <button class="button" onClick={() => route(`/sessions/${session.id}`)}>
            Answer in the terminal
          </button>
        </Asks>
      )}
      {isLive(session) && (
        <Composer
          session={session}
          give={async (files) => (await around()).giveImages(session, files)}
          close={() => scroll.current?.focus()}
        />
      )}
    </div>
  );
}

interface Range {
  from: number;
  to: number;
}

/** Which entries are near to be seen, and where one reads: only those have elements. */
function useWindow(feed: Feed, scroll: RefObject<HTMLDivElement | null>) {
  const top = useRef<HTMLDivElement>(null);
  const bottom = useRef<HTMLDivElement>(null);
  const heights = useMemo(() => new Heights(), [feed]);
  const range = useSignal<Range>({ from: 0, to: 0 });
  const unseen = useSignal(0);
  const atEnd = useRef(true);
  const known = useRef({ total: 0, loaded: false });

  const look = (): void => {
    const root = scroll.current;
    if (!root || heights.count === 0) return;
    const from = heights.at(root.scrollTop - BEYOND);
    const to = heights.at(root.scrollTop + root.clientHeight + BEYOND) + 1;
    feed.need(from, to);
    if (from !== range.value.from || to !== range.value.to) range.value = { from, to };
  };
  const toEnd = (): void => {
    const root = scroll.current;
    if (root) root.scrollTop = root.scrollHeight;
    unseen.value = 0;
  };
  /** What is far is as high as it was when it was seen. */
  const space = (): void => {
    const { from, to } = range.value;
    top.current?.style.setProperty("height", `${heights.top(from)}px`);
    bottom.current?.style.setProperty("height", `${heights.total - heights.top(to)}px`);
  };
  const measure = (changed: readonly ResizeObserverEntry[]): void => {
    const root = scroll.current;
    if (!root) return;
    let above = 0;
    for (const { target, borderBoxSize } of changed) {
      const index = Number((target as HTMLElement).dataset["number"]);
      const height = borderBoxSize[0]?.blockSize ?? 0;
      if (height === 0) continue;
      const isAbove = heights.top(index + 1) <= root.scrollTop;
      const more = heights.measure(index, height);
      if (isAbove) above += more;
    }
    space();
    // What one reads stays where it is.
    if (atEnd.current) toEnd();
    else if (above !== 0) root.scrollTop += above;
    look();
  };
  const observer = useMemo(() => new ResizeObserver(measure), [heights]);
  useEffect(() => () => observer.disconnect(), [observer]);
  // Also when what is below it takes a part of its height.
  useEffect(() => {
    const own = new ResizeObserver(() => atEnd.current && toEnd());
    if (scroll.current) own.observe(scroll.current);
    return () => own.disconnect();
  }, []);

  useLayoutEffect(() => {
    const before = known.current;
    if (feed.total < before.total) heights.forget();
    heights.resize(feed.total);
    if (before.loaded && !atEnd.current) unseen.value += Math.max(0, feed.total - before.total);
    known.current = { total: feed.total, loaded: feed.loaded.value };
    if (range.value.to > feed.total) range.value = { from: 0, to: 0 };
    space();
    if (atEnd.current) toEnd();
    look();
  }, [feed.learned.value]);
  useLayoutEffect(() => {
    space();
    if (atEnd.current) toEnd();
  });
  const lastTop = useRef(0);
  const scrolled = ({ scrollTop, clientHeight, scrollHeight }: HTMLElement): void => {
    // What grows below leaves the end further down, without anybody having gone away from it.
    if (scrollTop + clientHeight >= scrollHeight - END) atEnd.current = true;
    else if (scrollTop < lastTop.current) atEnd.current = false;
    lastTop.current = scrollTop;
    if (atEnd.current) unseen.value = 0;
    look();
  };
  return { top, bottom, range: range.value, unseen: unseen.value, observer, toEnd, scrolled };
}

interface EntriesProps {
  session: Session;
  feed: Feed;
  show: (at: number) => void;
  scroll: RefObject<HTMLDivElement | null>;
}

function Entries({ session, feed, show, scroll }: EntriesProps) {
  const { top, bottom, range, unseen, observer, toEnd, scrolled } = useWindow(feed, scroll);
  const shown: (Entry | number)[] = [];
  for (let number = range.from; number < Math.min(range.to, feed.total); number++)
    shown.push(feed.entry(number) ?? number);
  const empty = feed.loaded.value && feed.total === 0;
  return (
    <div class="conversation-stage">
      <div
        class="scroll conversation"
        ref={scroll}
        tabIndex={0}
        role="region"
        aria-label="Conversation"
        onScroll={(event) => scrolled(event.currentTarget)}
        onKeyDown={(event) => {
          if (event.target !== event.currentTarget) return;
          if (event.key === "End") toEnd();
          else if (event.key === "Home") event.currentTarget.scrollTop = 0;
          else return;
          event.preventDefault();
        }}
      >
        {feed.failed.value && (
          <p class="notice bad" role="alert">
            {feed.failed.value}
          </p>
        )}
        {empty && !feed.failed.value && (
          <div class="empty">
            <p>No messages yet. The conversation starts with the first prompt.</p>
          </div>
        )}
        <div ref={top} />
        <ol>
          {shown.map((entry) =>
            typeof entry === "number" ? (
              <Item key={entry} number={entry} observer={observer}>
                <span class="bone" />
              </Item>
            ) : (
              <Item key={entry.number} number={entry.number} observer={observer}>
                <EntryView
                  session={session}
                  feed={feed}
                  entry={entry}
                  before={feed.entry(entry.number - 1)}
                  show={show}
                />
              </Item>
            ),
          )}
        </ol>
        <div ref={bottom} />
      </div>
      {unseen > 0 && (
        <div class="newer-pill">
          <button class="button primary" onClick={toEnd}>
            {count(unseen, "new entry", "new entries")}
          </button>
        </div>
      )}
    </div>
  );
}

function Item({
  number,
  observer,
  children,
}: {
  number: number;
  observer: ResizeObserver;
  children: ComponentChildren;
}) {
  const item = useRef<HTMLLIElement>(null);
  useLayoutEffect(() => {
    const element = item.current;
    if (!element) return;
    observer.observe(element);
    return () => observer.unobserve(element);
  }, [observer]);
  return (
    <li class="entry" data-number={number} ref={item}>
      {children}
    </li>
  );
}
