import "../styles/sessions.css";
import { useComputed, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useLocation } from "preact-iso";
import { busy, renaming, resume, stop } from "../actions";
import type { Session } from "../wire";
import { doing } from "../doing";
import { openOverlay } from "../overlay";
import { bind } from "../shortcuts";
import { home, inOrder, isUnseen, live, liveCount, look, now, seenAt, sessions, waiting } from "../store";
import { Command } from "../ui/copy";
import { Icon } from "../ui/icon";
import { StateMark } from "../ui/state_mark";
import { Path } from "../ui/path";
import { Pieces } from "../ui/pieces";
import { ReconnectBanner } from "../ui/reconnect";
import { SessionMenu } from "../ui/session_menu";
import { StateBadge } from "../ui/state";
import { Trace } from "../ui/trace";
import { age, exitSentence, fullTime, isLive, isWaiting, nameOf, providerName, stateOf, tilde } from "../words";
import { type Filter, FILTERS, fits, GROUPS, groupOf, ordered } from "../session_list";
import { useFrozen } from "../ui/frozen";

export function SessionsPage() {
  const text = useSignal("");
  const filter = useSignal<Filter>("all");
  const provider = useSignal("");
  const directory = useSignal("");
  const search = useRef<HTMLInputElement>(null);
  useEffect(() => bind({ "/": () => search.current?.focus() }), []);
  const all = inOrder.value;
  const found = useComputed(() =>
    ordered(
      inOrder.value.filter(
        (session) =>
          fits(session, filter.value, text.value) &&
          (provider.value === "" || session.provider === provider.value) &&
          (directory.value === "" || session.cwd === directory.value),
      ),
    ),
  );
  const ended = all.length - liveCount.value;
  return (
    <>
      <div class="page-head">
        <h1>Sessions</h1>
        {all.length > 0 && (
          <span class="meta head-count">
            {liveCount.value} live · {ended} ended
          </span>
        )}
        <span class="grow" />
        <div class="search-field head-search">
          <Icon name="search" />
          <input
            ref={search}
            class="input"
            type="search"
            placeholder={innerWidth <= 640 ? "Filter" : "Filter by name, path, branch"}
            aria-label="Filter by name, path, branch"
            value={text.value}
            onInput={(event) => (text.value = event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key !== "Escape") return;
              text.value = "";
              event.currentTarget.blur();
            }}
          />
          <kbd>/</kbd>
        </div>
        <button class="button primary head-create" onClick={() => openOverlay("create")}>
          <Icon name="plus" />
          Create Session
          <kbd>C</kbd>
        </button>
      </div>
      <ReconnectBanner over />
      {sessions.value === null ? (
        <Loading />
      ) : all.length === 0 ? (
        <Empty />
      ) : (
        <>
          <NeedsYou />
          <Filters filter={filter.value} choose={(chosen) => (filter.value = chosen)} provider={provider.value} chooseProvider={(chosen) => (provider.value = chosen)} directory={directory.value} chooseDirectory={(chosen) => (directory.value = chosen)}>
            <List wanted={found.value} text={text.value} clear={() => {
              text.value = provider.value = directory.value = "";
              filter.value = "all";
            }} />
          </Filters>
        </>
      )}
    </>
  );
}

/** At most three cards: what waits, what crashed, then turns that ended unseen. */
function NeedsYou() {
  const all = inOrder.value;
  const crashed = all.filter((session) => session.status === "crashed" && isNews(session));
  const finished = all.filter(isUnseen);
  const needing = [...waiting.value, ...crashed, ...finished];
  if (needing.length === 0) {
    const working = all.filter((session) => session.status === "running" && session.activity === "working").length;
    return (
      <p class="needs quiet-line">
        Nothing needs you.{working > 0 && ` ${working} working.`}
      </p>
    );
  }
  const rest = needing.length - 3;
  return (
    <section class="needs" aria-labelledby="needs">
      <div class="needs-head">
        <h2 id="needs" class={waiting.value.length > 0 ? "tone-warm" : undefined}>
          Needs you
        </h2>
        <span class="meta">
          {needing.length}
          {rest > 0 && ` · ${rest} more in the list`}
        </span>
      </div>
      <ul class="cards">
        {needing.slice(0, 3).map((session) => (
          <Card key={session.id} session={session} />
        ))}
      </ul>
    </section>
  );
}

const DAY = 86_400_000;

/** A crash is news for a day, until it was looked at. */
function isNews(session: Session): boolean {
  return now.value - Date.parse(session.state_since) < DAY && !wasSeen(session);
}

function wasSeen(session: Session): boolean {
  return seenAt(session) >= Date.parse(session.state_since);
}


function Card({ session }: { session: Session }) {
  const state = stateOf(session, true);
  const crashed = session.status === "crashed";
  const word = crashed ? "Crashed" : session.activity === "waiting" ? (session.waiting_for === "question" ? "Question" : "Permission") : "Turn finished";
  const what = doing.value.get(session.id);
  return (
    <li class={`card tone-edge-${state.tone}`}>
      <div class="card-head">
        <span class={`tone-${state.tone}`}>
          <StateMark icon={state.icon} />
        </span>
        <span class={`tone-${state.tone} card-word`}>{word}</span>
        <b class="truncate">{nameOf(session)}</b>
        <span class="meta age">{age(now.value - Date.parse(session.state_since))}</span>
      </div>
      <div class="card-what">{crashed ? `${exitSentence(session.exit)}.` : what ? <Pieces pieces={what} /> : (session.title ?? "")}</div>
      <div class="card-foot">
        {crashed && (
          <button class="button" onClick={() => void resume(session)}>
            <Icon name="refresh" />
            Resume
          </button>
        )}
        {!isWaiting(session) && (
          <button class="button ghost" onClick={() => look(session.id)}>
            Dismiss
          </button>
        )}
        <span class="grow" />
        <a class="button ghost" href={`/sessions/${session.id}`} aria-label={`Open ${nameOf(session)}`}>
          Open
          <Icon name="right" size={14} />
        </a>
      </div>
    </li>
  );
}

interface FiltersProps {
  filter: Filter;
  choose: (filter: Filter) => void;
  provider: string;
  chooseProvider: (provider: string) => void;
  directory: string;
  chooseDirectory: (directory: string) => void;
  children: ComponentChildren;
}

function Filters({ filter, choose, provider, chooseProvider, directory, chooseDirectory, children }: FiltersProps) {
  const all = inOrder.value;
  const providers = [...new Set(all.map((session) => session.provider))].sort();
  const directories = [...new Set(all.map((session) => session.cwd))].sort();
  return (
    <>
      <div class="filters">
        <div class="segments" role="group" aria-label="Show">
          {FILTERS.map(({ key, word, icon }) => {
            const count = all.filter((session) => fits(session, key, "")).length;
            return (
              <button key={key} aria-pressed={filter === key} onClick={() => choose(key)}>
                {icon && (
                  <span class={`tone-${key === "needs" ? "warm" : key === "working" ? "accent" : "rest"}`}>
                    <StateMark icon={icon} size={14} />
                  </span>
                )}
                {word}
                {count > 0 && <small>{count}</small>}
              </button>
            );
          })}
        </div>
        {providers.length > 1 && (
          <Picker label="Provider" value={provider} choose={chooseProvider} options={providers.map((name) => [name, providerName(name)])} />
        )}
        {directories.length > 1 && (
          <Picker label="Directory" value={directory} choose={chooseDirectory} options={directories.map((name) => [name, tilde(name, home.value)])} />
        )}
        <span class="grow" />
        <span class="meta sorted">Sorted by need, then newest</span>
      </div>
      {children}
    </>
  );
}

function Picker({ label, value, choose, options }: { label: string; value: string; choose: (value: string) => void; options: [string, string][] }) {
  return (
    <select class="select picker" aria-label={label} value={value} onChange={(event) => choose(event.currentTarget.value)}>
      <option value="">{label}: any</option>
      {options.map(([key, word]) => (
        <option key={key} value={key}>
          {word}
        </option>
      ))}
    </select>
  );
}

function List({ wanted, text, clear }: { wanted: readonly Session[]; text: string; clear: () => void }) {
  const { shown, changed, update, hold } = useFrozen(wanted);
  const selected = useSignal<ReadonlySet<string>>(new Set());
  const list = useRef<HTMLDivElement>(null);
  const { route } = useLocation();

  useEffect(() => {
    const links = (): HTMLElement[] => [...(list.current?.querySelectorAll<HTMLElement>(".row-link") ?? [])];
    const at = (): number => links().findIndex((link) => link === document.activeElement || link.closest(".row")?.contains(document.activeElement));
    const go = (to: number) => (): void => links()[Math.max(0, Math.min(links().length - 1, to))]?.focus();
    const step = (by: number) => (): void => go(at() < 0 ? 0 : at() + by)();
    const on = (run: (session: Session) => void) => (): void => {
      const id = links()[at()]?.dataset["session"];
      const session = id ? sessions.value?.get(id) : undefined;
      if (session) run(session);
    };
    return bind({
      j: step(1),
      k: step(-1),
      ArrowDown: step(1),
      ArrowUp: step(-1),
      Home: go(0),
      End: () => go(links().length - 1)(),
      x: on((session) => toggle(session.id)),
      s: () => many(isLive, stop),
      r: () => many((session) => !isLive(session), resume),
      F2: on((session) => (renaming.value = session)),
      ".": on((session) => document.getElementById(`menu-${session.id}`)?.click()),
    });

    function toggle(id: string): void {
      const chosen = new Set(selected.value);
      if (!chosen.delete(id)) chosen.add(id);
      selected.value = chosen;
    }

    function many(fitting: (session: Session) => boolean, run: (session: Session) => Promise<void>): void {
      if (selected.value.size === 0) return on((session) => fitting(session) && void run(session))();
      all(fitting, run);
    }
  }, []);

  const all = (fitting: (session: Session) => boolean, run: (session: Session) => Promise<void>): void => {
    for (const id of selected.value) {
      const session = sessions.value?.get(id);
      if (session && fitting(session)) void run(session);
    }
    selected.value = new Set();
  };

  if (wanted.length === 0) {
    return (
      <div class="scroll">
        <div class="empty">
          <h2>{text ? `No session matches “${text}”.` : "No session is like that."}</h2>
          <button class="button" onClick={clear}>
            Clear filter
          </button>
        </div>
      </div>
    );
  }
  const chosen = [...selected.value].map((id) => sessions.value?.get(id)).filter((session) => session !== undefined);
  let first = true;
  return (
    <div class={live.value ? "scroll list" : "scroll list drained"} ref={list} {...hold}>
      <div class="columns" aria-hidden="true">
        <span>State</span>
        <span>Session</span>
        <span class="col-now">Now</span>
        <span class="col-trace">Last hour</span>
        <span class="col-provider">Provider</span>
        <span class="col-age">Age</span>
      </div>
      {changed && (
        <button class="button order-pill" onClick={update}>
          Order changed · Update
        </button>
      )}
      {GROUPS.map((group) => {
        const rows = shown.filter((session) => groupOf(session) === group);
        if (rows.length === 0) return null;
        return (
          <section key={group} aria-label={group}>
            <h2 class="group">
              {group} <small>{rows.length}</small>
            </h2>
            <ul>
              {rows.map((session) => {
                const tab = first;
                first = false;
                return <Row key={session.id} session={session} tab={tab} selected={selected.value.has(session.id)} open={() => route(`/sessions/${session.id}`)} />;
              })}
            </ul>
          </section>
        );
      })}
      {chosen.length > 0 && (
        <div class="selection" role="toolbar" aria-label="Selected sessions">
          <b>{chosen.length} selected</b>
          {chosen.some(isLive) && (
            <button class="button" onClick={() => all(isLive, stop)}>
              Stop <kbd>S</kbd>
            </button>
          )}
          {chosen.some((session) => !isLive(session)) && (
            <button class="button" onClick={() => all((session) => !isLive(session), resume)}>
              Resume <kbd>R</kbd>
            </button>
          )}
          <button class="button ghost" onClick={() => (selected.value = new Set())}>
            Clear
          </button>
        </div>
      )}
    </div>
  );
}

function Row({ session, tab, selected, open }: { session: Session; tab: boolean; selected: boolean; open: () => void }) {
  const unseen = isUnseen(session);
  const underWay = busy.value.get(session.id);
  return (
    <li class={selected ? "row selected" : "row"} onClick={open}>
      <span class="cell-state">
        {underWay ? (
          <span class="state tone-rest">
            <StateMark icon="starting" />
            {underWay}
          </span>
        ) : (
          <StateBadge session={session} />
        )}
      </span>
      <span class="cell-session">
        <span class="line">
          <a
            class={`row-link truncate${isWaiting(session) || unseen ? " strong" : ""}`}
            href={`/sessions/${session.id}`}
            data-session={session.id}
            tabIndex={tab ? 0 : -1}
            title={session.name ?? undefined}
            onClick={(event) => event.stopPropagation()}
          >
            {nameOf(session)}
          </a>
          {unseen && <span class="unread" title="A turn ended since you looked" />}
          <code class="id">{session.short_id}</code>
        </span>
        <span class="line where">
          <Path path={session.cwd} />
          {session.branch && (
            <span class="branch" title={session.branch}>
              <Icon name="branch" size={13} />
              <span class="truncate">{session.branch}</span>
            </span>
          )}
        </span>
      </span>
      <span class="cell-now">
        <NowLine session={session} />
      </span>
      <span class="cell-trace">
        <Trace session={session} />
      </span>
      <span class="cell-provider">
        <span class="truncate">{providerName(session.provider)}</span>
        {session.billing === "api" && <span class="meta">API</span>}
      </span>
      <span class="cell-age" title={`Created ${fullTime(Date.parse(session.created_at))}`}>
        {age(now.value - Date.parse(session.created_at))}
      </span>
      <span class="cell-menu">
        <SessionMenu session={session} id={`menu-${session.id}`} />
      </span>
    </li>
  );
}

/** What it does or asks, in one line; nothing where nothing is known. */
function NowLine({ session }: { session: Session }) {
  if (!isLive(session)) return <>{`${exitSentence(session.exit)}${session.provider === "shell" ? "" : " · resume keeps the conversation"}`}</>;
  const what = doing.value.get(session.id);
  if (what && session.provider !== "shell") return <Pieces pieces={what} />;
  if (session.title) return <>{session.title}</>;
  return session.args.length > 0 ? <code>{session.args.join(" ")}</code> : null;
}

function Empty() {
  return (
    <div class="scroll">
      <div class="empty">
        <svg width="92" height="52" viewBox="0 0 92 52" fill="none" stroke-width="1.6" aria-hidden="true">
          <rect x="3" y="3" width="14" height="46" rx="5" stroke="var(--accent-line)" />
          <rect x="26" y="3" width="14" height="38" rx="5" stroke="var(--accent-line)" />
          <rect x="49" y="3" width="14" height="28" rx="5" stroke="var(--accent-line)" />
          <rect x="72" y="3" width="14" height="18" rx="7" stroke="var(--rest-line)" stroke-dasharray="3 2.4" />
        </svg>
        <h2>No sessions yet</h2>
        <p>A session is one agent or shell in its own terminal. It keeps running when you close this page, log out or restart the daemon.</p>
        <button class="button primary large" onClick={() => openOverlay("create")}>
          <Icon name="plus" />
          Create Session
          <kbd>C</kbd>
        </button>
        <span class="or">or from a shell on this host</span>
        <Command text="codepiper start -p claude-code -d ~/projects/my-app" />
      </div>
    </div>
  );
}

/** As high as what comes, so that nothing jumps. */
function Loading() {
  return (
    <div class="scroll list loading" role="status" aria-label="Loading">
      <div class="columns" aria-hidden="true">
        <span>State</span>
        <span>Session</span>
        <span class="col-now">Now</span>
        <span class="col-trace">Last hour</span>
        <span class="col-provider">Provider</span>
      </div>
      {[1, 2, 3, 4, 5, 6].map((row) => (
        <div key={row} class={`row bones-${row}`}>
          <span class="cell-state">
            <span class="bone" />
          </span>
          <span class="cell-session">
            <span class="bone w70" />
            <span class="bone w50" />
          </span>
          <span class="cell-now">
            <span class="bone" />
          </span>
          <span class="cell-trace">
            <span class="bone" />
          </span>
          <span class="cell-provider">
            <span class="bone" />
          </span>
        </div>
      ))}
    </div>
  );
}

