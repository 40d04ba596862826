import "../styles/inbox.css";
import { useSignal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { ask as confirm } from "../ask";
import { type Acts, Answering } from "../inbox/answering";
import { due, ended, givenHere, haltAll, kindOf, loadEnded, open, type Open, snoozed, titleOf } from "../inbox/model";
import { ScreenNow } from "../inbox/screen_now";
import { WholeText } from "../inbox/whole_text";
import { currentKey } from "../keys_table";
import { bind } from "../shortcuts";
import { inOrder, isDue, live, needing, now, sessions } from "../store";
import type { Ask, Event } from "../wire";
import { Described } from "../ui/described";
import { Icon } from "../ui/icon";
import { Keys } from "../ui/keys";
import { Path } from "../ui/path";
import { ReconnectBanner } from "../ui/reconnect";
import { StateMark } from "../ui/state_mark";
import { age, count, foreign, isLive, nameOf } from "../words";
import { clockSeconds } from "../clock";

const SHOWS = ["open", "snoozed", "answered"] as const;
type Show = (typeof SHOWS)[number];

/** Everything that needs a person, and its answers. */
export function InboxPage() {
  const { query, route } = useLocation();
  const show = SHOWS.find((each) => each === query["show"]) ?? "open";
  const listed = show === "snoozed" ? snoozed.value : show === "open" ? due.value : [];
  const wanted = query["ask"];
  const { current, gone } = useShown(show, listed, wanted);
  const acts = useRef<Acts | null>(null);
  const choose = (id: string | null): void => route(address(show, id), true);
  useEffect(() => void loadEnded(), [live.value]);
  useInboxKeys(acts, listed, current, choose);
  return (
    <>
      <Head show={show} />
      <ReconnectBanner over />
      <div class={wanted && (current || gone) ? "inbox chosen" : "inbox"}>
        <div class="inbox-list scroll">
          {show === "answered" ? (
            <Ended all />
          ) : sessions.value === null ? null : listed.length === 0 ? (
            <Nothing show={show} />
          ) : (
            <ul>
              {listed.map((each) => (
                <Item key={each.ask.id} open={each} current={each.ask.id === current?.ask.id} show={show} />
              ))}
            </ul>
          )}
          {show === "open" && <Ended />}
          <p class="inbox-keys" aria-hidden="true" hidden={show === "answered"}>
            <Keys keys={`${currentKey("J", "inbox")} ${currentKey("K", "inbox")}`} /> move{" "}
            <Keys keys={currentKey("E", "inbox")} /> done <Keys keys={currentKey("H", "inbox")} /> snooze{" "}
            <Keys keys="↵" /> open
          </p>
        </div>
        <div class="inbox-detail scroll">
          {gone && wanted && <Gone id={wanted} back={() => choose(null)} />}
          {current && <Detail key={current.ask.id} open={current} acts={acts} back={() => choose(null)} />}
        </div>
      </div>
    </>
  );
}

const wide = (): boolean => innerWidth > 640;

interface Shown {
  /** What is selected in the list: this, and nothing else, is shown and answered. */
  current: Open | undefined;
  /** What the address names has ended, and not by an answer given here. */
  gone: boolean;
}

/** What is shown stays while it is in the list; when it has left, the next one is shown. */
function useShown(show: Show, listed: readonly Open[], wanted: string | undefined): Shown {
  const { route } = useLocation();
  const last = useRef<{ id: string | undefined; order: readonly string[] }>({ id: undefined, order: [] });
  const called = (id: string | undefined): Open | undefined => listed.find(({ ask }) => ask.id === id);
  const { id: before, order } = last.current;
  const elsewhere = wanted ? open.value.find(({ ask }) => ask.id === wanted) : undefined;
  // One that left the list while it was shown, and not one that a link names.
  const left = wanted !== undefined && !called(wanted) && (wanted === before || givenHere.has(wanted));
  const known = sessions.value !== null;
  const gone = wanted !== undefined && !elsewhere && known && !givenHere.has(wanted) && show !== "answered";
  const at = order.indexOf(before ?? "");
  const after = [...order.slice(at + 1), ...order.slice(0, Math.max(0, at)).reverse()].find(called);
  // On a phone the list comes first, and nothing is chosen by itself.
  const current = called(wanted) ?? (wide() && !gone ? (called(before) ?? called(after) ?? listed[0]) : undefined);
  const id = current?.ask.id;
  last.current = { id: gone ? undefined : (id ?? (left ? undefined : before)), order: listed.map(({ ask }) => ask.id) };
  useEffect(() => {
    // Of what was known when this was drawn: more may have come since, and what is wanted with it.
    if (wanted === undefined || wanted === id || gone || !known) return;
    if (elsewhere && !left) route(address(isDue(elsewhere.ask) ? "open" : "snoozed", wanted), true);
    else route(address(show, id ?? null), true);
  }, [wanted, id, gone, known, elsewhere && isDue(elsewhere.ask)]);
  useEffect(() => {
    // The row that had the focus has left the list with it.
    if (before && before !== id && document.activeElement === document.body) rowOf(id)?.focus();
  }, [id]);
  return { current, gone };
}

const rowOf = (id: string | undefined): HTMLElement | null => document.querySelector(`[data-ask="${id}"]`);

function address(show: Show, id: string | null): string {
  const query = new URLSearchParams();
  if (show !== "open") query.set("show", show);
  if (id) query.set("ask", id);
  return `/inbox${query.size > 0 ? `?${query}` : ""}`;
}

function Head({ show }: { show: Show }) {
  const { route } = useLocation();
  const agents = inOrder.value.filter((session) => isLive(session) && session.activity !== "idle");
  const needs = needing.value.length;
  const words: Record<Show, string> = { open: "Open", snoozed: "Snoozed", answered: "Answered" };
  return (
    <div class="page-head inbox-head">
      <h1>Inbox</h1>
      <span class="meta inbox-count">{needs > 0 && `${needs} ${needs === 1 ? "needs" : "need"} you`}</span>
      <span class="grow" />
      <div class="segments" role="group" aria-label="Show">
        {SHOWS.map((each) => (
          <button key={each} aria-pressed={show === each} onClick={() => route(address(each, null))}>
            {words[each]}
            {each === "snoozed" && snoozed.value.length > 0 && <small>{snoozed.value.length}</small>}
          </button>
        ))}
      </div>
      <button
        class="button halt"
        aria-label="Halt all agents"
        disabled={agents.length === 0 || !live.value}
        data-tip={agents.length === 0 ? "No agent is working" : undefined}
        onClick={() =>
          confirm({
            title: "Halt all agents?",
            text: "Escape is pressed in every agent that is working or asking, and queued texts are held. An agent that does not react within 3 seconds is killed; its conversation can be resumed.",
            verb: "Halt all agents",
            destroys: true,
            run: haltAll,
          })
        }
      >
        <Icon name="stop" />
        <span>Halt all…</span>
      </button>
    </div>
  );
}

function Nothing({ show }: { show: Show }) {
  const working = inOrder.value.filter(({ status, activity }) => status === "running" && activity === "working");
  if (show === "snoozed") return <p class="inbox-none">Nothing is snoozed.</p>;
  return (
    <p class="inbox-none">Nothing needs you.{working.length > 0 && ` ${count(working.length, "session")} working.`}</p>
  );
}

function Item({ open: each, current, show }: { open: Open; current: boolean; show: Show }) {
  const { ask, session } = each;
  const { route } = useLocation();
  const kind = kindOf(ask);
  return (
    <li>
      <a
        href={address(show, ask.id)}
        class="inbox-item"
        aria-current={current ? "true" : undefined}
        data-ask={ask.id}
        tabIndex={current ? 0 : -1}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || !current) return;
          event.preventDefault();
          route(`/sessions/${session.id}`);
        }}
      >
        <span class={`tone-${kind.tone}`}>
          <StateMark icon={kind.icon} />
        </span>
        <b class="truncate">{nameOf(session)}</b>
        <span class="age">{age(now.value - Date.parse(ask.asked_at))}</span>
        <span class="inbox-what truncate">
          <b>
            {kind.word}
            {ask.kind === "permission" && ask.tool ? `: ${foreign(ask.tool)}` : ""}
          </b>
          {` · ${titleOf(each)}`}
        </span>
      </a>
    </li>
  );
}

interface DetailProps {
  open: Open;
  acts: { current: Acts | null };
  back: () => void;
}

function Detail({ open: each, acts, back }: DetailProps) {
  const { ask, session } = each;
  const kind = kindOf(ask);
  const [read, setRead] = useState(ask.text === "" || ask.questions.length > 0);
  const asked = Date.parse(ask.asked_at);
  const past = age(now.value - asked);
  return (
    <article class="ask" aria-label={`${kind.word}: ${nameOf(session)}`}>
      <div class="ask-head">
        <button class="button ghost icon ask-back" aria-label="Back to the list" onClick={back}>
          <Icon name="left" />
        </button>
        <span class={`ask-kind tone-${kind.tone}`}>
          <StateMark icon={kind.icon} />
          {kind.word}
        </span>
        <h2 class="truncate">{nameOf(session)}</h2>
        <span class="meta">
          {clockSeconds(asked)} · {past} ago
        </span>
      </div>
      {ask.questions.length === 0 && ask.text !== "" && (
        <WholeText text={ask.text} label={kind.word} onRead={setRead} />
      )}
      {ask.text === "" && <p>{titleOf(each)}</p>}
      <Facts ask={ask} />
      <Answering open={each} read={read} acts={acts} />
      {ask.answered_in === "here" && (
        <p class="meta">The first answer counts: here, on another device, or in the terminal.</p>
      )}
      {isLive(session) && <ScreenNow session={session} />}
    </article>
  );
}

function Facts({ ask }: { ask: Ask }) {
  return (
    <dl class="ask-facts">
      {ask.tool && ask.questions.length === 0 && (
        <>
          <dt>Tool</dt>
          <dd>{foreign(ask.tool)}</dd>
        </>
      )}
      {ask.cwd && (
        <>
          <dt>Directory</dt>
          <dd>
            <Path path={ask.cwd} />
          </dd>
        </>
      )}
      {ask.why && (
        <>
          <dt>Why</dt>
          <dd>{foreign(ask.why)}</dd>
        </>
      )}
      {ask.risk && (
        <>
          <dt>Risk</dt>
          <dd class="tone-bad">{foreign(ask.risk)}</dd>
        </>
      )}
    </dl>
  );
}

/** It was open when somebody followed a link to it. */
function Gone({ id, back }: { id: string; back: () => void }) {
  const end = ended.value.find(({ data }) => (data as { ask?: string }).ask === id);
  return (
    <div class="empty">
      <h2>No longer open</h2>
      <p>{end ? <Described of={end.description} /> : "It was answered, or is no longer asked."}</p>
      <button class="button" onClick={back}>
        Show what is open
      </button>
    </div>
  );
}

const TODAY = 24 * 3_600_000;
const FEW = 8;

function Ended({ all = false }: { all?: boolean }) {
  const recent = ended.value.filter(({ at }) => all || now.value - Date.parse(at) < TODAY);
  const shown = all ? recent : recent.slice(0, FEW);
  if (shown.length === 0) return all ? <p class="inbox-none">Nothing has been answered yet.</p> : null;
  return (
    <section aria-label={all ? "Answered" : "Earlier"}>
      {!all && <h2 class="inbox-earlier">Earlier</h2>}
      <ul>
        {shown.map((event) => (
          <EndedItem key={event.seq} event={event} />
        ))}
      </ul>
    </section>
  );
}

function EndedItem({ event }: { event: Event }) {
  const session = sessions.value?.get(event.session ?? "");
  return (
    <li class="inbox-item ended">
      <span class="tone-rest">
        <StateMark icon={event.kind === "ask.answered" ? "finished" : "idle"} />
      </span>
      {session ? (
        <a class="truncate" href={`/sessions/${session.id}`}>
          {nameOf(session)}
        </a>
      ) : (
        <span class="truncate">{event.session?.slice(0, 8)}</span>
      )}
      <span class="age">{age(now.value - Date.parse(event.at))}</span>
      <span class="inbox-what truncate">
        <Described of={event.description} />
      </span>
    </li>
  );
}

function useInboxKeys(
  acts: { current: Acts | null },
  listed: readonly Open[],
  current: Open | undefined,
  choose: (id: string | null) => void,
): void {
  const { route } = useLocation();
  const newest = useSignal({ listed, current });
  newest.value = { listed, current };
  useEffect(() => {
    const step = (by: number) => (): void => {
      const { listed: all, current: here } = newest.peek();
      const at = all.findIndex(({ ask }) => ask.id === here?.ask.id);
      const to = all[Math.max(0, Math.min(all.length - 1, at + by))];
      if (!to) return;
      choose(to.ask.id);
      requestAnimationFrame(() => rowOf(to.ask.id)?.focus());
    };
    // A key that is held is meant for what was shown when it went down.
    const act =
      (run: (acts: Acts) => void) =>
      (event: KeyboardEvent): void => {
        if (acts.current && !event.repeat) run(acts.current);
      };
    const digits = Object.fromEntries(
      Array.from({ length: 9 }, (_, index) => [`${index + 1}`, act(({ choose: option }) => option(index + 1))]),
    );
    return bind("inbox", {
      ...digits,
      j: step(1),
      k: step(-1),
      ArrowDown: step(1),
      ArrowUp: step(-1),
      a: act(({ allow }) => allow()),
      "⇧A": act(({ always }) => always()),
      d: act(({ deny }) => deny()),
      e: act(({ done }) => done()),
      h: act(({ snooze }) => snooze()),
      Enter: () => {
        const here = newest.peek().current;
        if (here) route(`/sessions/${here.session.id}`);
      },
    });
  }, [choose.toString()]);
}
