import { useEffect, useState } from "preact/hooks";
import { resume } from "../actions";
import { currentKey } from "../keys_table";
import { providerName } from "../providers";
import { now } from "../store";
import { command, Keys } from "../ui/keys";
import { closePopover, Popover } from "../ui/popover";
import type { AnswerAsk } from "../wire";
import { useReady } from "./guard";
import { acknowledge, answer, snooze, snoozeTimes, type Open } from "./model";
import { blank, chosen, isComplete, Questions } from "./questions";

/** What keys do to the ask that is shown. */
export interface Acts {
  allow: () => void;
  always: () => void;
  deny: () => void;
  done: () => void;
  snooze: () => void;
  choose: (option: number) => void;
}

interface Props {
  open: Open;
  /** All of its text has been seen. */
  read: boolean;
  acts: { current: Acts | null };
}

const allowed: AnswerAsk = { decision: "allow" };

/** The answers that fit an ask. */
export function Answering({ open: { ask, session }, read, acts }: Props) {
  const [mode, setMode] = useState<"" | "deny" | "always" | "change">("");
  const [reason, setReason] = useState("");
  const [changed, setChanged] = useState(ask.text);
  const [answers, setAnswers] = useState(blank(ask.questions));
  const [busy, setBusy] = useState(false);
  const ready = useReady(ask.id) && !busy;
  const give = async (body: AnswerAsk): Promise<void> => {
    if (!ready) return;
    setBusy(true);
    if (!(await answer(ask, body))) setBusy(false);
  };
  const mayAllow = ready && read;
  const isQuestion = ask.questions.length > 0;
  /** It takes a yes or a no, and no words. */
  const isBare = ask.kind === "trust" || ask.kind === "dialog";
  const deny = (): void => (isBare ? void (ready && give({ decision: "deny" })) : setMode("deny"));
  const complete = isComplete(answers);
  const send = (): void => void (complete && mayAllow && give({ ...allowed, answers: [...answers] }));
  const close = (): void => void (ready && acknowledge(ask));
  useEffect(() => {
    const here = ask.answered_in === "here";
    acts.current = {
      allow: () => (isQuestion ? send() : here && mayAllow && void give(allowed)),
      always: () => here && ask.always && setMode("always"),
      deny: () => here && deny(),
      done: () => ask.answered_in === "nothing" && close(),
      snooze: () => void (ready && !ask.snoozed_until && snooze(ask, now.value + 3_600_000)),
      choose: (option) => {
        const [only] = ask.questions;
        const [given] = answers;
        if (ask.questions.length !== 1 || !only || !given || option > only.options.length) return;
        setAnswers([chosen(given, option, only.multi)]);
      },
    };
    return () => {
      acts.current = null;
    };
  });
  if (ask.answered_in !== "here") {
    return (
      <div class="answering">
        <a class="button primary large" href={`/sessions/${session.id}`}>
          {ask.answered_in === "terminal" ? "Answer in the terminal" : "Open session"}
          <Keys keys="↵" />
        </a>
        {ask.kind === "crashed" && (
          <button class="button large" onClick={() => void resume(session)}>
            Resume
          </button>
        )}
        {ask.answered_in === "nothing" && (
          <button class="button large" disabled={!ready} onClick={close}>
            Done <Keys keys={currentKey("E", "inbox")} />
          </button>
        )}
        <Snooze open={{ ask, session }} />
      </div>
    );
  }
  return (
    <>
      {isQuestion && (
        <Questions id={ask.id} questions={ask.questions} answers={answers} change={setAnswers} send={send} />
      )}
      <div class="answering">
        {isQuestion ? (
          <button class="button answer large" disabled={!mayAllow || !complete} onClick={send}>
            Send answer <Keys keys={currentKey("A", "inbox")} />
          </button>
        ) : (
          <button class="button answer large" disabled={!mayAllow} onClick={() => void give(allowed)}>
            {ask.kind === "plan" ? "Approve" : isBare ? "Allow" : "Allow once"} <Keys keys={currentKey("A", "inbox")} />
          </button>
        )}
        {ask.always && (
          <button class="button large" aria-expanded={mode === "always"} onClick={() => setMode("always")}>
            Always in this session… <Keys keys={currentKey("⇧ A", "inbox")} />
          </button>
        )}
        {ask.changes_allowed && (
          <button class="button large" aria-expanded={mode === "change"} onClick={() => setMode("change")}>
            Change…
          </button>
        )}
        <button class="button large" aria-expanded={isBare ? undefined : mode === "deny"} onClick={deny}>
          {isBare ? "Deny" : "Deny…"} <Keys keys={currentKey("D", "inbox")} />
        </button>
        <Snooze open={{ ask, session }} />
      </div>
      {!read && <p class="meta">Scroll to the end of the text first; then you can allow it.</p>}
      {mode === "deny" && (
        <OneLine
          label="Why? The agent is told this."
          value={reason}
          change={setReason}
          verb="Deny"
          ready={ready}
          run={() => void give({ decision: "deny", reason: reason.trim() || null })}
          cancel={() => setMode("")}
        />
      )}
      {mode === "change" && (
        <OneLine
          label="Run this instead"
          value={changed}
          change={setChanged}
          verb="Allow the changed command"
          code
          ready={ready && changed.trim() !== ""}
          run={() => void give({ ...allowed, command: changed })}
          cancel={() => setMode("")}
        />
      )}
      {mode === "always" && (
        <div class="more-answer">
          <p>
            {providerName(session.provider)} keeps the rule <code>{ask.always}</code> for this session, until the agent
            ends: exactly this command is then run without asking.
          </p>
          <div class="row-of">
            <button class="button" onClick={() => setMode("")}>
              Cancel
            </button>
            <button class="button answer" disabled={!mayAllow} onClick={() => void give({ ...allowed, always: true })}>
              Allow always
            </button>
          </div>
        </div>
      )}
    </>
  );
}

interface OneLineProps {
  label: string;
  value: string;
  change: (value: string) => void;
  verb: string;
  code?: boolean;
  ready: boolean;
  run: () => void;
  cancel: () => void;
}

/** A line that goes with an answer. Enter alone never allows anything. */
function OneLine({ label, value, change, verb, code, ready, run, cancel }: OneLineProps) {
  const press = (event: KeyboardEvent): void => {
    if (event.key === "Escape") return cancel();
    if (event.key !== "Enter" || event.isComposing || !(command(event) || (!code && !event.shiftKey))) return;
    event.preventDefault();
    if (ready && !event.repeat) run();
  };
  return (
    <div class="more-answer">
      <label class="field">
        <span class="field-label">{label}</span>
        <textarea
          class={code ? "input mono" : "input"}
          rows={code ? 3 : 2}
          ref={(field) => field?.focus()}
          value={value}
          onInput={(event) => change(event.currentTarget.value)}
          onKeyDown={press}
        />
      </label>
      <div class="row-of">
        <button class="button" onClick={cancel}>
          Cancel
        </button>
        <button class="button answer" disabled={!ready} onClick={run}>
          {verb} <Keys keys={code ? "⌘ ↵" : "↵"} />
        </button>
      </div>
    </div>
  );
}

function Snooze({ open: { ask } }: { open: Open }) {
  if (ask.snoozed_until) {
    return (
      <button class="button ghost large" onClick={() => void snooze(ask, null)}>
        Unsnooze
      </button>
    );
  }
  return (
    <Popover button="Snooze" label="Snooze" buttonClass="button ghost large" class="menu">
      {snoozeTimes(now.value).map(({ word, until }) => (
        <button
          key={word}
          onClick={(event) => {
            closePopover(event.currentTarget);
            void snooze(ask, until);
          }}
        >
          {word}
        </button>
      ))}
    </Popover>
  );
}
