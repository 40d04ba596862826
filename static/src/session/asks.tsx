import "../styles/asks.css";
import type { ComponentChildren } from "preact";
import type { Session } from "../wire";
import { doing } from "../doing";
import { Described } from "../ui/described";
import { StateMark } from "../ui/state_mark";
import { stateOf } from "../words";

/** What a session that waits asks, and what to do about it. */
export function Asks({ session, children }: { session: Session; children: ComponentChildren }) {
  const { icon, word, detail } = stateOf(session);
  const what = doing(session);
  const answerable = session.asks.find(({ answered_in: where }) => where === "here");
  return (
    <div class="asks">
      <span class="tone-warm asks-state">
        <StateMark icon={icon} />
        {[word, detail].filter(Boolean).join(": ")}
      </span>
      <span class="truncate grow">{what && <Described of={what} />}</span>
      {answerable && (
        <a class="button answer" href={`/inbox?ask=${answerable.id}`}>
          Answer
        </a>
      )}
      {children}
    </div>
  );
}
