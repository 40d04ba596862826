import "../styles/session.css";
import { type Signal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useLocation } from "preact-iso";
import { busy, renaming, resume, stop } from "../actions";
import type { Session } from "../wire";
import { bind } from "../shortcuts";
import { providerName, providerOf } from "../providers";
import { whenDrawn } from "../settled";
import { look, sessions } from "../store";
import { Icon } from "../ui/icon";
import { later } from "../ui/later";
import { NotFound } from "../ui/missing";
import { Path } from "../ui/path";
import { announce } from "../ui/announcer";
import { foreign, isLive, nameOf, stateOf } from "../words";

const TerminalView = later(() => import("../session/terminal_view").then((module) => module.TerminalView));
const Evidence = later(whenDrawn(() => import("../session/evidence").then((module) => module.Evidence)));
const ModelPicker = later(whenDrawn(() => import("../session/model_picker").then((module) => module.ModelPicker)));
const SessionMenu = later(whenDrawn(() => import("../ui/session_menu").then((module) => module.SessionMenu)));
const ReconnectBanner = later(whenDrawn(() => import("../ui/reconnect").then((module) => module.ReconnectBanner)));
const ConversationView = later(() => import("../conversation/conversation").then((module) => module.ConversationView));
const AttachView = later(() => import("../session/attach").then((module) => module.AttachView));
const EventsTab = later(() => import("../session/events").then((module) => module.EventsTab));
const GitTab = later(() => import("../git/git_tab").then((module) => module.GitTab));
const LogsTab = later(() => import("../session/logs").then((module) => module.LogsTab));

const PoliciesTab = later(() => import("../session/policies").then((module) => module.PoliciesTab));

const VIEWS = ["", "conversation", "attach", "git", "events", "logs", "policies"];
const TABS = [
  ["", "Terminal"],
  ["git", "Git"],
  ["events", "Events"],
  ["logs", "Logs"],
  ["policies", "Policies"],
] as const;

export function SessionPage({ id = "", tab = "" }: { id?: string; tab?: string }) {
  const { route } = useLocation();
  const session = sessions.value?.get(id);
  const called = session ? undefined : sessionCalled(decodeURIComponent(id));
  useEffect(() => {
    if (called) route(`/sessions/${called.id}${tab && `/${tab}`}`, true);
  }, [called?.id]);
  if (called) return null;
  if (!session) return <Missing />;
  if (!VIEWS.includes(tab)) return <NotFound />;
  return <Known key={id} session={session} tab={tab} />;
}

/** By its name or the beginning of its id, as on the command line. */
function sessionCalled(name: string): Session | undefined {
  const all = [...(sessions.value?.values() ?? [])];
  const named = all.filter((session) => session.name === name);
  const fitting = named.length > 0 ? named : all.filter(({ id }) => name.length >= 4 && id.startsWith(name));
  return fitting.length === 1 ? fitting[0] : undefined;
}

function Missing() {
  if (sessions.value === null) {
    return (
      <div class="page-head" role="status" aria-label="Loading">
        <h1 class="visually-hidden">Session</h1>
        <span class="bone w20" />
      </div>
    );
  }
  return <NotFound what="Session" why="It was removed, or the address is wrong." />;
}

function Known({ session, tab }: { session: Session; tab: string }) {
  const { route, query } = useLocation();
  const base = `/sessions/${session.id}`;
  const isTerminal = tab === "" || tab === "conversation" || tab === "attach";
  const converses = tab === "conversation" || providerOf(session.provider)?.transcripts === true;
  const state = stateOf(session);
  const explaining = useSignal(false);
  const tabs = useRef<HTMLDivElement>(null);
  /** From the terminal or a field to the tabs, where single letters act. */
  const leave = (): void => tabs.current?.querySelector<HTMLElement>("[aria-selected='true']")?.focus();
  // What comes while one looks is seen, too.
  const asks = session.asks.map((ask) => ask.id).join(" ");
  useEffect(() => {
    look(session.id);
    return () => look(session.id);
  }, [session.id, asks]);
  useEffect(() => {
    announce(`${nameOf(session)}: ${state.word} ${state.detail}`);
  }, [state.word, state.detail]);
  useEffect(
    () =>
      bind("session", {
        "1": () => route(base),
        "2": () => route(`${base}/git`),
        "3": () => route(`${base}/events`),
        "4": () => route(`${base}/logs`),
        "5": () => route(`${base}/policies`),
        ...(tab === "" ? {} : { t: () => route(base) }),
        ...(converses ? { v: () => route(`${base}/conversation`) } : {}),
        w: () => (explaining.value = true),
        F2: () => (renaming.value = session),
        s: () => isLive(session) && void stop(session),
        r: () => !isLive(session) && void resume(session),
        Escape: leave,
        "⌥Escape": leave,
      }),
    [session, tab, converses],
  );
  return (
    <>
      <Header session={session} explaining={explaining} />
      <TabBar {...{ base, tab, isTerminal, converses, tabs, leave }} />
      <div class="tab-panel" id="tab-panel" role="tabpanel" aria-labelledby={`tab-${isTerminal ? "terminal" : tab}`}>
        {tab === "" && <TerminalView session={session} moment={query["at"]} leave={leave} />}
        {tab !== "" && <ReconnectBanner over />}
        {tab === "conversation" && <ConversationView session={session} />}
        {tab === "attach" && <AttachView session={session} />}
        {tab === "git" && <GitTab session={session} />}
        {tab === "events" && <EventsTab session={session} />}
        {tab === "logs" && <LogsTab session={session} />}
        {tab === "policies" && <PoliciesTab session={session} />}
      </div>
    </>
  );
}

interface TabBarProps {
  base: string;
  tab: string;
  isTerminal: boolean;
  /** There is a conversation to show. */
  converses: boolean;
  tabs: RefObject<HTMLDivElement | null>;
  leave: () => void;
}

function TabBar({ base, tab, isTerminal, converses, tabs, leave }: TabBarProps) {
  const { route } = useLocation();
  // A key chose another one.
  useEffect(() => {
    if (tabs.current?.contains(document.activeElement)) leave();
  }, [tab]);
  return (
    <div class="tab-bar">
      <div class="tabs" ref={tabs} role="tablist" aria-label="Session" onKeyDown={moveTabs}>
        {TABS.map(([key, word]) => {
          const selected = key === tab || (key === "" && isTerminal);
          return (
            <a
              key={key}
              id={`tab-${key || "terminal"}`}
              role="tab"
              href={key ? `${base}/${key}` : base}
              aria-selected={selected}
              aria-controls="tab-panel"
              tabIndex={selected ? 0 : -1}
            >
              {word}
            </a>
          );
        })}
      </div>
      <span class="grow" />
      {isTerminal && (
        <div class="segments" role="group" aria-label="View">
          <button aria-pressed={tab === ""} onClick={() => route(base)}>
            Tmux
          </button>
          {converses && (
            <button aria-pressed={tab === "conversation"} onClick={() => route(`${base}/conversation`)}>
              Conversation
            </button>
          )}
          <button aria-pressed={tab === "attach"} onClick={() => route(`${base}/attach`)}>
            Attach
          </button>
        </div>
      )}
    </div>
  );
}

function Header({ session, explaining }: { session: Session; explaining: Signal<boolean> }) {
  const { route } = useLocation();
  const choosingModel = useSignal(false);
  const live = isLive(session);
  const doing = busy.value.get(session.id);
  return (
    <div class="page-head session-head">
      <a class="button ghost icon back" href="/" aria-label="Back to Sessions">
        <Icon name="left" />
      </a>
      <h1 class="truncate" title={foreign(session.cwd)}>
        {nameOf(session)}
      </h1>
      <button
        class="button ghost icon rename"
        aria-label="Name and tags"
        data-tip="Name and tags"
        data-key="F2"
        onClick={() => (renaming.value = session)}
      >
        <Icon name="pencil" size={14} />
      </button>
      <span class="evidence-place">
        <Evidence session={session} shown={explaining} />
      </span>
      <span class="chip head-provider">
        {providerName(session.provider)}
        {session.billing === "api" && " · API"}
      </span>
      <ModelPicker session={session} shown={choosingModel} />
      <span class="chip head-path">
        <Icon name="folder" size={13} />
        <Path path={session.cwd} />
      </span>
      {session.dangerous && (
        <span class="chip head-dangerous" title="Permission prompts are skipped (--dangerous)">
          <Icon name="warning" size={13} />
          <span>Dangerous</span>
        </span>
      )}
      {session.branch && (
        <span class="chip head-branch" title={foreign(session.branch)}>
          <Icon name="branch" size={13} />
          <span class="truncate">{foreign(session.branch)}</span>
        </span>
      )}
      <code class="meta head-id">{session.short_id}</code>
      <span class="grow" />
      {live ? (
        <button class="button head-action" disabled={doing !== undefined} onClick={() => void stop(session)}>
          <Icon name="stop" size={14} />
          {doing ?? "Stop"}
        </button>
      ) : (
        <button class="button head-action" disabled={doing !== undefined} onClick={() => void resume(session)}>
          <Icon name="refresh" size={14} />
          {doing ?? "Resume"}
        </button>
      )}
      <span class="menu-place">
        <SessionMenu
          session={session}
          chooseModel={() => (choosingModel.value = true)}
          after={() => route("/")}
          open={(fork) => route(`/sessions/${fork.id}`)}
        />
      </span>
    </div>
  );
}

function moveTabs(event: KeyboardEvent): void {
  const tabs = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("[role=tab]")];
  const at = tabs.indexOf(document.activeElement as HTMLElement);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
  if (to === undefined || at < 0) return;
  event.preventDefault();
  const next = tabs[(to + tabs.length) % tabs.length];
  next?.focus();
  next?.click();
}
