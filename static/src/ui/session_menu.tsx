import "../styles/session_menu.css";
import type { Session } from "../wire";
import { copyAttach, fork, kill, remove, renaming, resume, stop } from "../actions";
import { switchesModel } from "../session/model_picker";
import { providerName, providerOf } from "../providers";
import { foreign, isLive, nameOf } from "../words";
import { Icon, type IconName } from "./icon";
import { Keys } from "./keys";
import { Path } from "./path";
import { closePopover, Popover } from "./popover";

interface Entry {
  icon: IconName;
  word: string;
  key?: string;
  bad?: boolean;
  run: () => void;
}

/** What can be done to a session, with its words. */
export function entries(session: Session, after?: () => void, open?: (session: Session) => void): Entry[] {
  const live = isLive(session);
  return [
    { icon: "pencil", word: "Rename…", key: "F2", run: () => (renaming.value = session) },
    live
      ? { icon: "stop", word: "Stop", key: "S", run: () => void stop(session) }
      : { icon: "refresh", word: "Resume", key: "R", run: () => void resume(session) },
    ...(providerOf(session.provider)?.forks
      ? [{ icon: "branch" as const, word: "Fork", run: () => void fork(session, (made) => open?.(made)) }]
      : []),
    { icon: "copy", word: "Copy attach command", run: () => void copyAttach(session) },
    ...(live
      ? [{ icon: "close" as const, word: "Kill…", bad: true, run: () => kill(session) }]
      : [{ icon: "trash" as const, word: "Remove…", bad: true, run: () => remove(session, after) }]),
  ];
}

interface Props {
  session: Session;
  /** After it was removed. */
  after?: () => void;
  /** Opens the page of a session. */
  open?: (session: Session) => void;
  shown?: boolean;
  onShown?: (shown: boolean) => void;
  /**
   * In the head of the session's page: on a phone it also has what the head has no room for, and this opens the models.
   */
  chooseModel?: () => void;
}

export function SessionMenu({ session, after, open, shown, onShown, chooseModel }: Props) {
  return (
    <Popover
      button={<Icon name="more" />}
      label={`Actions of ${session.name ?? session.short_id}`}
      buttonClass="button ghost icon"
      class="menu"
      {...(onShown ? { shown: shown === true, onShown } : {})}
    >
      {chooseModel && <Facts session={session} />}
      {chooseModel && switchesModel(session) && (
        <button
          type="button"
          class="phone-only"
          onClick={(event) => {
            closePopover(event.currentTarget);
            chooseModel();
          }}
        >
          <Icon name="robot" />
          Model…
        </button>
      )}
      {entries(session, after, open).map(({ icon, word, key, bad, run }) => (
        <button
          key={word}
          type="button"
          class={bad ? "bad" : undefined}
          onClick={(event) => {
            closePopover(event.currentTarget);
            run();
          }}
        >
          <Icon name={icon} />
          {word}
          {key && <Keys keys={key} />}
        </button>
      ))}
    </Popover>
  );
}

function Facts({ session }: { session: Session }) {
  return (
    <div class="menu-facts phone-only meta">
      <b>{nameOf(session)}</b>
      <span>
        {[providerName(session.provider), session.billing === "api" ? "API" : null, session.model]
          .filter(Boolean)
          .join(" · ")}
      </span>
      <Path path={session.cwd} />
      {session.branch && (
        <span>
          <Icon name="branch" size={13} /> {foreign(session.branch)}
        </span>
      )}
      <code>{session.short_id}</code>
    </div>
  );
}
