// The timeline and the composer are those of the terminal.
import "../styles/terminal.css";
import "../styles/conversation.css";
import "../styles/syntax.css";
import { useSignal } from "@preact/signals";
import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { useLocation } from "preact-iso";
import type { Entry, Session } from "../wire";
import { followConversation } from "../store";
import { Heights } from "../ui/heights";
import { later } from "../ui/later";
import { useObserved, useWindow } from "../ui/window";
import { count, isLive, isWaiting } from "../words";
import { EntryView } from "./entry";
import { Feed } from "./feed";
import { whenDrawn } from "../settled";

const around = whenDrawn(() => import("../session/around"));
const Asks = later(() => import("../session/asks").then((module) => module.Asks));
const Composer = later(() => around().then((module) => module.Composer));
const Timeline = later(() => around().then((module) => module.Timeline));

/** Entries are shown so far beyond what is visible, in px. */
const BEYOND = 900;
/** The height of an entry that was never shown, in px. */
const ESTIMATE = 64;
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

/** Which entries are near to be seen, and where one reads. */
function useEntries(feed: Feed, scroll: RefObject<HTMLDivElement | null>) {
  const heights = useMemo(() => new Heights(ESTIMATE), [feed]);
  const unseen = useSignal(0);
  const atEnd = useRef(true);
  const known = useRef({ total: 0, loaded: false });

  const toEnd = (): void => {
    const root = scroll.current;
    if (root) root.scrollTop = root.scrollHeight;
    unseen.value = 0;
  };
  const stayAtEnd = (): boolean => {
    if (atEnd.current) toEnd();
    return atEnd.current;
  };
  const need = (from: number, to: number): void => feed.need(from, to);
  const { top, bottom, range, observer, look, space } = useWindow(scroll, heights, BEYOND, {
    need,
    pinned: stayAtEnd,
  });
  // Also when what is below it takes a part of its height.
  useEffect(() => {
    const own = new ResizeObserver(stayAtEnd);
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
    stayAtEnd();
    look();
  }, [feed.learned.value]);
  useLayoutEffect(() => {
    space();
    stayAtEnd();
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
  const { top, bottom, range, unseen, observer, toEnd, scrolled } = useEntries(feed, scroll);
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
  const item = useObserved<HTMLLIElement>(observer);
  return (
    <li class="entry" data-number={number} ref={item}>
      {children}
    </li>
  );
}
