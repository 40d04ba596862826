import { busy } from "../actions";
import { doingOrAsking } from "../doing";
import { isAgent, providerName, providerOf } from "../providers";
import { isUnseen, now, printed } from "../store";
import { coarse } from "../terminal/fit";
import { Icon } from "../ui/icon";
import { Path } from "../ui/path";
import { Described } from "../ui/described";
import { later } from "../ui/later";
import { SessionMenu } from "../ui/session_menu";
import { StateBadge } from "../ui/state";
import { StateMark } from "../ui/state_mark";
import { Trace } from "../ui/trace";
import { fullTime, age, count, exitSentence, foreign, isLive, isWaiting, nameOf } from "../words";
import type { Changes, Session } from "../wire";

const Meters = later(() => import("../ui/meters").then((module) => module.Meters));
const ProgramStatus = later(() => import("../ui/program_status").then((module) => module.ProgramStatus));

interface Props {
  session: Session;
  /** Tab stops here. */
  tab: boolean;
  selected: boolean;
  /** Selects it or not; with `range`, everything from the row that was chosen last. */
  select: (range: boolean) => void;
  /** Some are selected: then a tap selects. */
  selecting: boolean;
  open: () => void;
  menu: boolean;
  onMenu: (shown: boolean) => void;
}

export function Row({ session, tab, selected, select, selecting, open, menu, onMenu }: Props) {
  const unseen = isUnseen(session);
  const underWay = busy.value.get(session.id);
  return (
    <li
      class={selected ? "row selected" : "row"}
      onClick={(event) => {
        if (event.shiftKey || (selecting && coarse())) select(event.shiftKey);
        else if (event.ctrlKey || event.metaKey) inNewTab(session);
        else open();
      }}
      onAuxClick={(event) => event.button === 1 && inNewTab(session)}
    >
      <input
        type="checkbox"
        class="row-check"
        aria-label={`Select ${nameOf(session)}`}
        tabIndex={-1}
        checked={selected}
        onClick={(event) => {
          event.stopPropagation();
          select(event.shiftKey);
        }}
      />
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
            onClick={(event) => {
              const taps = selecting && coarse();
              if (taps || event.shiftKey) event.preventDefault();
              else event.stopPropagation();
            }}
            onAuxClick={(event) => event.stopPropagation()}
          >
            {nameOf(session)}
          </a>
          {session.pinned && (
            <span class="pinned" title="Pinned">
              <Icon name="pin" size={13} />
            </span>
          )}
          {unseen && <span class="unread" title="A turn finished since your last visit" />}
          <code class="id">{session.short_id}</code>
          {session.tags.map((tag) => (
            <span key={tag} class="tag">
              {tag}
            </span>
          ))}
        </span>
        <span class="line where">
          <Path path={session.cwd} />
          {session.branch && (
            <span class="branch" title={foreign(session.branch)}>
              <Icon name="branch" size={13} />
              <span class="truncate">{foreign(session.branch)}</span>
            </span>
          )}
          {session.changes && session.changes.files > 0 && <Changed of={session.changes} />}
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
        {isLive(session) && <Meters session={session} />}
      </span>
      <span class="cell-age" title={`Created ${fullTime(Date.parse(session.created_at))}`}>
        {age(now.value - Date.parse(session.created_at))}
      </span>
      <span class="cell-menu">
        <SessionMenu session={session} shown={menu} onShown={onMenu} tab={tab} />
      </span>
    </li>
  );
}

/** How much it changed since it was started, as it was counted last. */
function Changed({ of }: { of: Changes }) {
  const counted = `${of.whole ? "" : "at least "}${count(of.added, "line")} added, ${of.removed} removed in ${count(of.files, "file")}`;
  return (
    <span
      class="changed meta"
      title={`Since it was started: ${counted}; counted ${age(now.value - Date.parse(of.counted_at))} ago`}
    >
      <span class="added">+{of.added}</span> <span class="removed">−{of.removed}</span> · {count(of.files, "file")}
    </span>
  );
}

function inNewTab(session: Session): void {
  window.open(`/sessions/${session.id}`, "_blank", "noopener");
}

/** What it does or asks, in one line; nothing where nothing is known. */
function NowLine({ session }: { session: Session }) {
  if (!isLive(session))
    return (
      <>{`${exitSentence(session.exit)}${providerOf(session.provider)?.keeps_conversation ? " · resume to continue the conversation" : ""}`}</>
    );
  const said = session.program_status;
  if (said && (said.progress ?? said.message) !== null) return <ProgramStatus status={said} />;
  const what = doingOrAsking(session);
  if (what && isAgent(session.provider)) return <Described of={what} />;
  const line = session.foreground && printed.value.get(session.id)?.line;
  if (line) return <code class="truncate">{foreign(line)}</code>;
  if (session.title) return <>{foreign(session.title)}</>;
  return session.args.length > 0 ? <code>{session.args.join(" ")}</code> : null;
}
