import { busy } from "../actions";
import { doingOrAsking } from "../doing";
import { isAgent, providerName, providerOf } from "../providers";
import { isUnseen, now } from "../store";
import { Icon } from "../ui/icon";
import { Path } from "../ui/path";
import { Described } from "../ui/described";
import { SessionMenu } from "../ui/session_menu";
import { StateBadge } from "../ui/state";
import { StateMark } from "../ui/state_mark";
import { Trace } from "../ui/trace";
import { age, count, exitSentence, foreign, fullTime, isLive, isWaiting, nameOf } from "../words";
import type { Changes, Session } from "../wire";

interface Props {
  session: Session;
  tab: boolean;
  selected: boolean;
  open: () => void;
  menu: boolean;
  onMenu: (shown: boolean) => void;
}

export function Row({ session, tab, selected, open, menu, onMenu }: Props) {
  const unseen = isUnseen(session);
  const underWay = busy.value.get(session.id);
  return (
    <li
      class={selected ? "row selected" : "row"}
      onClick={(event) => (event.ctrlKey || event.metaKey ? inNewTab(session) : open())}
      onAuxClick={(event) => event.button === 1 && inNewTab(session)}
    >
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
            onAuxClick={(event) => event.stopPropagation()}
          >
            {nameOf(session)}
          </a>
          {unseen && <span class="unread" title="A turn finished since your last visit" />}
          <code class="id">{session.short_id}</code>
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
      </span>
      <span class="cell-age" title={`Created ${fullTime(Date.parse(session.created_at))}`}>
        {age(now.value - Date.parse(session.created_at))}
      </span>
      <span class="cell-menu">
        <SessionMenu session={session} shown={menu} onShown={onMenu} />
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
  const what = doingOrAsking(session);
  if (what && isAgent(session.provider)) return <Described of={what} />;
  if (session.title) return <>{foreign(session.title)}</>;
  return session.args.length > 0 ? <code>{session.args.join(" ")}</code> : null;
}
