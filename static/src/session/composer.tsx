import { useRef, useState } from "preact/hooks";
import type { Receipt, Sent, Session } from "../wire";
import { problemOf, request } from "../http";
import { secretHeaders } from "../secret";
import { keep, live } from "../store";
import { focusFirst } from "../ui/first_focus";
import { Icon } from "../ui/icon";
import { Failed } from "../http";

const STEPS: readonly [Receipt, string][] = [
  ["written", "Written"],
  ["echoed", "Echoed"],
  ["submitted", "Submitted"],
  ["turn_started", "Turn started"],
];

/** How far a text is proven to have come. */
export function receiptWords(receipt: Receipt): string {
  if (receipt === "queued") return "Queued: it is sent when the agent is idle.";
  const reached = STEPS.findIndex(([step]) => step === receipt);
  return STEPS.slice(0, reached + 1)
    .map(([, word]) => word)
    .join(" → ");
}

/** A real text field: input methods and autocorrection work, Return makes a new line, the button sends. */
export function Composer({ session, give, close }: { session: Session; give: (files: readonly File[]) => Promise<void>; close: () => void }) {
  const key = `codepiper.prompt.${session.id}`;
  const [text, setText] = useState(() => sessionStorage.getItem(key) ?? "");
  const [note, setNote] = useState<{ text: string; bad: boolean } | null>(null);
  const [busy, setBusy] = useState(false);
  // An agent that works or waits gets it when it is idle.
  const queues = session.provider !== "shell" && (session.activity === "working" || session.activity === "waiting" || session.queued > 0);
  const files = useRef<HTMLInputElement>(null);
  const set = (value: string): void => {
    setText(value);
    setNote(null);
    // A draft survives a reload.
    if (value === "") sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, value);
  };
  const send = async (): Promise<void> => {
    if (busy || text === "") return;
    if (!live.value) return setNote({ text: "Not sent: no connection.", bad: true });
    setBusy(true);
    try {
      const sent = await request<Sent>("POST", `/api/sessions/${session.id}/input?enter=true${queues ? "&if_busy=queue" : ""}`, undefined, { body: text, headers: { ...secretHeaders(), "content-type": "text/plain; charset=utf-8" } });
      set("");
      const warned = sent.receipt !== "queued" && sent.warning !== undefined && sent.warning !== null;
      setNote({ text: warned ? (sent.warning ?? "") : receiptWords(sent.receipt), bad: warned });
    } catch (error) {
      setNote({ text: `Not sent: ${error instanceof Failed ? error.problem.detail : problemOf(error).detail}`, bad: true });
    }
    setBusy(false);
  };
  const forget = async (): Promise<void> => {
    try {
      keep(await request<Session>("DELETE", `/api/sessions/${session.id}/queue`));
      setNote(null);
    } catch (error) {
      setNote({ text: problemOf(error).detail, bad: true });
    }
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <button type="button" class="button ghost icon phone-only" aria-label="Send an image" onClick={() => files.current?.click()}>
        <Icon name="image" />
      </button>
      <input ref={files} type="file" accept="image/png,image/jpeg,image/gif,image/webp" hidden aria-label="Image" onChange={(event) => void give([...(event.currentTarget.files ?? [])])} />
      <div class="composer-field">
        <textarea
          class="input"
          rows={Math.min(5, text.split("\n").length)}
          placeholder="Prompt or answer"
          aria-label="Prompt or answer"
          aria-describedby="composer-note"
          value={text}
          ref={innerWidth > 640 ? focusFirst : null}
          onInput={(event) => set(event.currentTarget.value)}
          onKeyDown={(event) => {
            event.stopPropagation();
            if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) {
              event.preventDefault();
              void send();
            }
            if (event.key === "Escape") close();
          }}
        />
        <div id="composer-note" class={note?.bad ? "composer-note tone-bad" : "composer-note"} role="status">
          {note?.text}
          {session.queued > 0 && (
            <>
              {" "}
              {session.queued === 1 ? "One text waits." : `${session.queued} texts wait.`}{" "}
              <button type="button" class="button ghost small" onClick={() => void forget()}>
                Forget
              </button>
            </>
          )}
        </div>
      </div>
      <button class={`button primary send ${queues ? "" : "icon"}`} aria-label={queues ? "Queue" : "Send"} disabled={busy || text === ""}>
        {queues ? "Queue" : <Icon name="send" />}
      </button>
    </form>
  );
}
