import { resume } from "../actions";
import { program } from "../menu_actions";
import { copyText } from "../ui/copy";
import { providerOf } from "../providers";
import { Icon } from "../ui/icon";
import type { Session } from "../wire";
import { duration, exitSentence } from "../words";
import { clockSeconds } from "../clock";

/** The last screen stays; this says what ended it and what goes on. */
export function Ended({ session }: { session: Session }) {
  const at = Date.parse(session.state_since);
  const command = `${program()} resume ${session.short_id}`;
  const crashed = session.status === "crashed";
  return (
    <div class={crashed ? "ended crashed" : "ended"}>
      <div class="ended-head">
        <b class={crashed ? "tone-bad" : undefined}>{exitSentence(session.exit)}</b>
        <span class="meta">
          {clockSeconds(at)} · ran for {duration(at - Date.parse(session.started_at))}
        </span>
      </div>
      <p>
        {providerOf(session.provider)?.keeps_conversation
          ? "Scroll up to read its output, or resume to continue the conversation."
          : "Scroll up to read its output."}
      </p>
      <div class="row-of">
        <button class="button primary" onClick={() => void resume(session)}>
          <Icon name="refresh" size={14} />
          Resume
        </button>
        <button class="button ghost" data-tip={command} onClick={() => void copyText(command)}>
          Copy resume command
        </button>
      </div>
    </div>
  );
}
