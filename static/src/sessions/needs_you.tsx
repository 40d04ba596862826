import { resume } from "../actions";
import { doingOrAsking } from "../doing";
import { inOrder, isUnseen, look, now, seenAt, waiting } from "../store";
import { Icon } from "../ui/icon";
import { Described } from "../ui/described";
import { StateMark } from "../ui/state_mark";
import { age, count, exitSentence, foreign, isWaiting, nameOf, stateOf } from "../words";
import type { Session } from "../wire";

/** At most three cards: what waits, what crashed, then turns that ended unseen. */
export function NeedsYou() {
  const all = inOrder.value;
  const crashed = all.filter((session) => session.status === "crashed" && isNews(session));
  const finished = all.filter(isUnseen);
  const needing = [...waiting.value, ...crashed, ...finished];
  if (needing.length === 0) {
    const working = all.filter((session) => session.status === "running" && session.activity === "working").length;
    return <p class="needs quiet-line">Nothing needs you.{working > 0 && ` ${count(working, "session")} working.`}</p>;
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
          {rest > 0 && ` · ${rest} more below`}
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

const WAITING = { permission: "Permission", question: "Question", unknown: "Waiting" };

function Card({ session }: { session: Session }) {
  const state = stateOf(session, true);
  const crashed = session.status === "crashed";
  const word = crashed ? "Crashed" : isWaiting(session) ? WAITING[session.waiting_for ?? "unknown"] : "Turn finished";
  const what = doingOrAsking(session);
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
        <span class="grow" />
        <a class="button ghost" href={`/sessions/${session.id}`} aria-label={`Open ${nameOf(session)}`}>
          Open
          <Icon name="right" size={14} />
        </a>
      </div>
    </li>
  );
}
