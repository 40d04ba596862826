import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Sent, Session } from "../wire";
import { problemOf, request } from "../http";
import { secretHeaders } from "../secret";
import { isAgent, providerOf } from "../providers";
import { keep, live, onEvent } from "../store";
import { Icon } from "../ui/icon";
import { coarse, isPhone } from "../terminal/fit";
import { pasteable } from "../terminal/paste";
import { count, isWaiting } from "../words";
import { remember, useEarlier } from "./earlier";
import { ImageButton } from "./image_button";
import { type Fate, fateWords, follow, refused } from "./receipt";
import { later } from "../ui/later";

const SavedPrompts = later(() => import("./saved_prompts").then((module) => module.SavedPrompts));

/** A text that is written for a session, and what becomes of it. */
function useSending(session: Session) {
  const key = `codepiper.prompt.${session.id}`;
  const [text, setText] = useState(() => sessionStorage.getItem(key) ?? "");
  const [fate, setFate] = useState<Fate | null>(null);
  const [busy, setBusy] = useState(false);
  useEffect(
    () => onEvent((event) => event.session === session.id && setFate((fate) => follow(fate, event))),
    [session.id],
  );
  // An agent that works or waits gets it when it is idle. Of other programs the daemon knows whether they take it.
  const agent = providerOf(session.provider)?.transcripts === true;
  const queues =
    (agent && (isWaiting(session) || session.activity === "working")) || (session.queued > 0 && !session.queue_held);
  const keepDraft = (value: string): void => {
    setText(value);
    // A draft survives a reload.
    if (value === "") sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, value);
  };
  const write = (typed: string): void => {
    keepDraft(pasteable(typed));
    // What waits is told of until it is known what became of it.
    setFate((fate) => (fate?.is === "queued" ? fate : null));
  };
  const send = async (queue = queues): Promise<void> => {
    if (busy || text === "") return;
    if (!live.value) return setFate({ is: "refused", why: "no connection.", busy: false, typed: false });
    setBusy(true);
    setFate({ is: "sending" });
    try {
      const path = `/api/sessions/${session.id}/input?enter=true${queue ? "&if_busy=queue" : ""}`;
      const headers = { ...secretHeaders(), "content-type": "text/plain; charset=utf-8" };
      const { receipt, warning = null } = await request<Sent>("POST", path, undefined, { body: text, headers });
      // What was written meanwhile stays.
      setText((now) => {
        if (now !== text) return now;
        sessionStorage.removeItem(key);
        return "";
      });
      remember(session.id, text);
      if (receipt === "queued")
        setFate((fate) => (fate?.is === "queued" || fate?.is === "sent" ? fate : { is: "queued", place: null }));
      else setFate({ is: "sent", receipt, waited: false, warning });
    } catch (error) {
      setFate(refused(problemOf(error)));
    }
    setBusy(false);
  };
  const forget = async (): Promise<void> => {
    // Nobody is told what he has just asked for: its event may come before the answer.
    setFate(null);
    try {
      keep(await request<Session>("DELETE", `/api/sessions/${session.id}/queue`));
    } catch (error) {
      setFate(refused(problemOf(error)));
    }
  };
  const release = async (): Promise<void> => {
    try {
      keep(await request<Session>("POST", `/api/sessions/${session.id}/queue`));
    } catch (error) {
      setFate(refused(problemOf(error)));
    }
  };
  return { text, write, fate, busy, queues, send, forget, release };
}

/** Whether Enter sends, and makes no new line. */
const sends = (event: KeyboardEvent): boolean =>
  event.metaKey || event.ctrlKey || (!event.shiftKey && !event.altKey && !coarse());

interface Props {
  session: Session;
  give: (files: readonly File[]) => Promise<void>;
  close: () => void;
  /** Where whoever shows it finds the field. */
  field?: RefObject<HTMLTextAreaElement | null>;
}

/** A real text field: input methods and autocorrection work. Enter sends; where a finger types, it makes a new line. */
export function Composer({ session, give, close, field }: Props) {
  const { text, write, fate, busy, queues, send, forget, release } = useSending(session);
  const made = useRef<HTMLTextAreaElement>(null);
  const own = field ?? made;
  const earlier = useEarlier(session.id);
  /** The saved prompts are shown: opened by a slash, or with their button. */
  const [saved, setSaved] = useState(false);
  const savedKeys = useRef<(event: KeyboardEvent) => boolean>(() => false);
  const input = (typed: string): void => {
    // A slash typed twice is one for the program.
    const twice = saved && text === "/" && typed === "//";
    if (twice || (saved && text.startsWith("/") && !typed.startsWith("/"))) setSaved(false);
    else if (text === "" && typed === "/") setSaved(true);
    write(twice ? "/" : typed);
  };
  // Before it is drawn: the next key may come at once, and is for this field.
  useLayoutEffect(() => {
    if (!isPhone()) own.current?.focus();
  }, []);
  const label = isAgent(session.provider) ? "Prompt" : "Command";
  const queued = isWaiting(session) ? "Prompt (queued until you answer)" : "Prompt (queued until the agent is idle)";
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <ImageButton give={give} class="phone-only" />
      <button
        type="button"
        class="button ghost icon"
        aria-label="Saved prompts"
        aria-expanded={saved}
        data-tip="Saved prompts"
        data-key="/"
        onClick={() => {
          setSaved(!saved);
          if (text === "") own.current?.focus();
        }}
      >
        <Icon name="pin" />
      </button>
      <div class="composer-field">
        {saved && (
          <SavedPrompts
            text={text}
            keys={savedKeys}
            insert={(prompt) => {
              write(prompt);
              setSaved(false);
              own.current?.focus();
            }}
            close={() => {
              setSaved(false);
              own.current?.focus();
            }}
          />
        )}
        <textarea
          class="input"
          rows={Math.min(5, text.split("\n").length)}
          placeholder={queues ? queued : label}
          aria-label={label}
          aria-describedby="composer-note"
          value={text}
          ref={own}
          onInput={(event) => input(event.currentTarget.value)}
          onKeyDown={(event) => {
            // It leaves the field as it leaves the terminal.
            if (event.key === "Escape" && event.altKey) return;
            event.stopPropagation();
            // An input method takes Enter and the arrows for itself.
            if (event.isComposing) return;
            if (saved && savedKeys.current(event)) return event.preventDefault();
            if (event.key === "Enter" && sends(event)) {
              event.preventDefault();
              void send();
            }
            const again = earlier(event.key, text);
            if (again !== null) {
              event.preventDefault();
              write(again);
            }
            if (event.key === "Escape") close();
          }}
        />
      </div>
      <button
        class={`button primary send ${queues ? "" : "icon"}`}
        aria-label={queues ? "Queue" : "Send"}
        aria-disabled={busy || text === ""}
      >
        {queues && "Queue"}
        <Icon name="send" />
      </button>
      <Note
        session={session}
        fate={fate}
        queue={() => void send(true)}
        forget={() => void forget()}
        release={() => void release()}
      />
    </form>
  );
}

/** What became of the text, what waits, and what can be done about it. */
function Note({
  session,
  fate,
  queue,
  forget,
  release,
}: {
  session: Session;
  fate: Fate | null;
  queue: () => void;
  forget: () => void;
  release: () => void;
}) {
  const warning = fate?.is === "sent" ? fate.warning : null;
  const bad = fate?.is === "refused" || warning !== null;
  // Where it waits is said once.
  const others = fate?.is === "queued" ? session.queued - 1 : session.queued;
  return (
    <div id="composer-note" class={bad ? "composer-note tone-bad" : "composer-note"} role="status">
      {warning ?? fateWords(fate)}
      {fate?.is === "refused" && fate.busy && (
        <button type="button" class="text-button" onClick={queue}>
          Queue it
        </button>
      )}
      {fate?.is === "refused" && fate.typed && location.pathname !== `/sessions/${session.id}` && (
        <a href={`/sessions/${session.id}`}>Open the terminal</a>
      )}
      {others > 0 && (
        <span>
          {count(others, fate?.is === "queued" ? "other text" : "text")} queued
          {session.queue_held ? ", held since the agent was interrupted" : ""}.
        </span>
      )}
      {session.queue_held && (
        <button type="button" class="text-button" onClick={release}>
          Send now
        </button>
      )}
      {session.queued > 0 && (
        <button type="button" class="text-button" onClick={forget}>
          Discard
        </button>
      )}
    </div>
  );
}
