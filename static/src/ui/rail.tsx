import { useEffect, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { signOut } from "../login";
import { shownTheme } from "../preferences";
import {
  bell,
  connection,
  daemon,
  inOrder,
  isUnseen,
  live,
  liveCount,
  needing,
  now,
  sessions,
  waiting,
} from "../store";
import { chooseTheme } from "../theme";
import { age, isLive, isWaiting, nameOf } from "../words";
import { Icon } from "./icon";
import { Logo } from "./logo";
import { StateMark } from "./state_mark";
import { isMac, Keys } from "./keys";
import { stateNow } from "./state";
import type { Session } from "../wire";

export function Rail() {
  const { path } = useLocation();
  const atSessions = path === "/" || path === "/sessions";
  return (
    <aside class="rail">
      <a class="brand" href="/" aria-label="CodePiper: sessions">
        <Logo warm={waiting.value.length > 0} />
        <span class="label-text">CodePiper</span>
      </a>
      <nav class="nav" aria-label="Pages">
        <a href="/" aria-current={atSessions ? "page" : undefined} data-tip={narrow() ? "Sessions" : undefined}>
          <Icon name="sessions" />
          <span class="label-text">Sessions</span>
          {liveCount.value > 0 && <span class="number">{liveCount.value}</span>}
        </a>
        <a
          href="/inbox"
          aria-current={path === "/inbox" ? "page" : undefined}
          data-tip={narrow() ? "Inbox" : undefined}
        >
          <Icon name="inbox" />
          <span class="label-text">Inbox</span>
          {needing.value.length > 0 && <span class="number needs-number">{needing.value.length}</span>}
        </a>
        <a
          href="/settings"
          aria-current={path.startsWith("/settings") ? "page" : undefined}
          data-tip={narrow() ? "Settings" : undefined}
        >
          <Icon name="settings" />
          <span class="label-text">Settings</span>
        </a>
      </nav>
      <div class="rail-head">
        <span id="running">Running</span>
        {liveCount.value > 1 && (
          <span class="keys" aria-hidden="true">
            <Keys keys={isMac ? "⌥↓ ⌥↑" : "⌥ ↓"} />
          </span>
        )}
      </div>
      <nav class="rail-list" aria-labelledby="running" onKeyDown={goAlong}>
        {sessions.value === null ? <Bones /> : <Running path={path} />}
      </nav>
      <div class="rail-foot">
        <LinkState />
        <ThemeButton />
        <button class="button ghost icon" aria-label="Sign out" data-tip="Sign out" onClick={() => void signOut()}>
          <Icon name="signOut" />
        </button>
      </div>
    </aside>
  );
}

const narrow = (): boolean => innerWidth <= 860;

/** The list is one stop of Tab; the arrows go along it. */
function goAlong(event: KeyboardEvent): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const links = (event.currentTarget as Element).querySelectorAll("a");
  const next = step && links[[...links].indexOf(document.activeElement as HTMLAnchorElement) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

/** In the order of their creation: where one was, it stays. */
function Running({ path }: { path: string }) {
  const list = inOrder.value.filter(isLive);
  if (list.length === 0)
    return <p class="meta rail-none">{inOrder.value.length === 0 ? "No sessions yet" : "None running"}</p>;
  const isHere = ({ id }: Session): boolean => path.startsWith(`/sessions/${id}`);
  const stop = list.find(isHere) ?? list[0];
  return (
    <>
      {list.map((session) => (
        <RunningLink key={session.id} session={session} here={isHere(session)} stop={session === stop} />
      ))}
    </>
  );
}

function RunningLink({ session, here, stop }: { session: Session; here: boolean; stop: boolean }) {
  const state = stateNow(session);
  const strong = isWaiting(session) || isUnseen(session);
  const [rang, setRang] = useState(0);
  const { session: ringing, count } = bell.value;
  useEffect(() => {
    if (ringing === session.id) setRang(count);
  }, [ringing, count]);
  return (
    <a
      href={`/sessions/${session.id}`}
      aria-current={here ? "page" : undefined}
      tabIndex={stop ? 0 : -1}
      class={rang > 0 ? "rang" : undefined}
      key={rang}
      data-tip={narrow() ? nameOf(session) : undefined}
      title={session.foreground ? `${state.word} · ${state.detail}` : undefined}
    >
      <span class={`tone-${state.tone}`}>
        <StateMark icon={state.icon} />
      </span>
      <span class={`label-text truncate${strong ? " strong" : ""}`}>{nameOf(session)}</span>
      <span class="visually-hidden">
        {state.word} {state.detail}
      </span>
      <span class="age" aria-hidden="true">
        {age(now.value - Date.parse(session.state_since))}
      </span>
    </a>
  );
}

function Bones() {
  return (
    <div class="rail-bones" role="status" aria-label="Loading">
      <span class="bone w70" />
      <span class="bone w50" />
      <span class="bone w85" />
    </div>
  );
}

/** Live, Reconnecting, Connecting: in words. */
export function LinkState() {
  const link = connection.link.value;
  if (live.value) {
    return (
      <span class="link-state tone-accent">
        <span class="dot" />
        <span>
          Live <span class="where">· {daemon.value?.hostname ?? location.hostname}</span>
        </span>
      </span>
    );
  }
  const first = link.phase === "connecting" && sessions.value === null;
  return (
    <span class="link-state tone-info">
      {first ? <StateMark icon="starting" size={14} /> : <Icon name="refresh" size={14} />}
      <span>{first ? "Connecting…" : link.phase === "outdated" ? "Outdated" : "Reconnecting"}</span>
    </span>
  );
}

function ThemeButton() {
  const dark = shownTheme.value === "dark";
  const label = dark ? "Light theme" : "Dark theme";
  return (
    <button
      class="button ghost icon"
      aria-label={label}
      data-tip={label}
      onClick={() => chooseTheme(dark ? "light" : "dark")}
    >
      <Icon name={dark ? "sun" : "moon"} />
    </button>
  );
}
