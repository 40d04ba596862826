import "../styles/session_menu.css";
import type { Session } from "../wire";
import { renaming, resume, stop } from "../actions";
import { copyAttach, fork, kill, mark, remove } from "../menu_actions";
import { currentKey } from "../keys_table";
import { kept } from "../notifications/kept";
import { openOverlay } from "../overlay";
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
  const muted = kept()?.rules.muted.includes(session.id);
  return [
    { icon: "pencil", word: "Name and tags…", key: "F2", run: () => (renaming.value = session) },
    {
      icon: "pin",
      word: session.pinned ? "Unpin" : "Pin",
      run: () => void mark(session, { pinned: !session.pinned }),
    },
    live
      ? { icon: "stop", word: "Stop", key: "S", run: () => void stop(session) }
      : { icon: "refresh", word: "Resume", key: "R", run: () => void resume(session) },
    ...(providerOf(session.provider)?.forks
      ? [{ icon: "branch" as const, word: "Fork", run: () => void fork(session, (made) => open?.(made)) }]
      : []),
    { icon: "plus", word: "Duplicate…", run: () => void duplicate(session) },
    ...(muted === undefined
      ? []
      : [
          {
            icon: "bell" as const,
            word: muted ? "Unmute on this device" : "Mute on this device",
            run: () => void import("../notifications/mute").then(({ mute }) => mute(session, !muted)),
          },
        ]),
    { icon: "copy", word: "Copy attach command", run: () => void copyAttach(session) },
    ...(live
      ? []
      : [
          {
            icon: "folder" as const,
            word: session.archived ? "Unarchive" : "Archive",
            run: () => void mark(session, { archived: !session.archived }),
          },
        ]),
    ...(live
      ? [{ icon: "close" as const, word: "Kill…", bad: true, run: () => kill(session) }]
      : [{ icon: "trash" as const, word: "Remove…", bad: true, run: () => remove(session, after) }]),
  ];
}

/** The form of a new session, filled in like this one. */
async function duplicate(session: Session): Promise<void> {
  const { duplicateOf, keepDraft } = await import("../pages/create_draft");
  keepDraft(duplicateOf(session));
  openOverlay("create");
}

interface Props {
  session: Session;
  /** After it was removed. */
  after?: () => void;
  /** Opens the page of a session. */
  open?: (session: Session) => void;
  shown?: boolean;
  onShown?: (shown: boolean) => void;
  /** False: Tab does not stop at its button; a key opens it. */
  tab?: boolean;
  /**
   * In the head of the session's page: on a phone it also has what the head has no room for, and this opens the models.
   */
  chooseModel?: () => void;
}

export function SessionMenu({ session, after, open, shown, onShown, tab, chooseModel }: Props) {
  return (
    <Popover
      button={<Icon name="more" />}
      label={`Actions of ${session.name ?? session.short_id}`}
      buttonClass="button ghost icon"
      class="menu"
      tab={tab !== false}
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
          {key && <Keys keys={currentKey(key, "list")} />}
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
