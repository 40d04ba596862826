import { resume } from "../actions";
import { doingOrAsking } from "../doing";
import { inOrder, isDue, look, needing, now } from "../store";
import { Icon } from "../ui/icon";
import { Described } from "../ui/described";
import { StateMark } from "../ui/state_mark";
import { age, calls, count, exitSentence, foreign, isWaiting, nameOf, stateOf } from "../words";
import type { Session } from "../wire";

/** At most three cards: what waits, what crashed, then turns that ended unseen. */
export function NeedsYou({ showAll }: { showAll: () => void }) {
  const all = needing.value;
  if (all.length === 0) {
    const working = inOrder.value.filter(({ status, activity }) => status === "running" && activity === "working");
    return (
      <p class="needs quiet-line">
        Nothing needs you.{working.length > 0 && ` ${count(working.length, "session")} working.`}
      </p>
    );
  }
  return (
    <section class="needs" aria-labelledby="needs">
      <div class="needs-head">
        <h2 id="needs" class={all.some((session) => isWaiting(session) || calls(session)) ? "tone-warm" : undefined}>
          Needs you
        </h2>
        <span class="meta">{all.length}</span>
        {all.length > 3 && (
          <button class="text-button" onClick={showAll}>
            Show all
          </button>
        )}
      </div>
      <ul class="cards">
        {all.slice(0, 3).map((session) => (
          <Card key={session.id} session={session} />
        ))}
      </ul>
    </section>
  );
}

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

function Card({ session }: { session: Session }) {
  const state = stateOf(session, true);
  const crashed = session.status === "crashed";
  const call = session.asks.find(({ kind }) => kind === "attention" || kind === "stalled");
  const word = crashed
    ? "Crashed"
    : isWaiting(session)
      ? capital(state.detail || "waiting")
      : call
        ? call.kind === "stalled"
          ? "Stalled"
          : "Asks for attention"
        : "Turn finished";
  const what = call ? { text: foreign(call.title) } : doingOrAsking(session);
  const answerable = session.asks.find(({ answered_in: where }) => where === "here");
  return (
    <li class={`card tone-edge-${state.tone}`}>
      <div class="card-head">
        <span class={`tone-${state.tone}`}>
          <StateMark icon={state.icon} />
        </span>
        <span class={`tone-${state.tone} card-word`}>{word}</span>
        <b class="truncate">{nameOf(session)}</b>
        <span class="meta age">
          {age(now.value - Date.parse(session.asks.find(isDue)?.asked_at ?? session.state_since))}
        </span>
      </div>
      <div class="card-what">
        {crashed ? `${exitSentence(session.exit)}.` : what ? <Described of={what} /> : foreign(session.title ?? "")}
      </div>
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
        {answerable && (
          <a class="button answer" href={`/inbox?ask=${answerable.id}`}>
            Answer
          </a>
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
