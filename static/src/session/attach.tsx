import "../styles/records.css";
import { useEffect, useState } from "preact/hooks";
import { attachCommand } from "../menu_actions";
import type { Attach, Session } from "../wire";
import { problemOf, request } from "../http";
import { daemon } from "../store";
import { Command } from "../ui/copy";
import { count, isLive } from "../words";

/** Ready commands for a terminal of one's own. */
export function AttachView({ session }: { session: Session }) {
  const [place, setPlace] = useState<Attach | null>(null);
  const [failed, setFailed] = useState<string | null>(null);
  const live = isLive(session);
  useEffect(() => {
    if (!live) return;
    const load = async (): Promise<void> => {
      try {
        setPlace(await request<Attach>("GET", `/api/sessions/${session.id}/attach`));
      } catch (error) {
        setFailed(problemOf(error).detail);
      }
    };
    void load();
  }, [session.id, live]);
  const command = attachCommand(session);
  const host = daemon.value?.hostname ?? location.hostname;
  return (
    <div class="scroll attach">
      {!live && <p class="notice">This session has ended. Resume it to attach.</p>}
      <Way
        title="Here, on this host"
        what="Full control. Ctrl+B D detaches; the session keeps running."
        command={command}
      />
      <Way title="Watch only" what="Read-only; never resizes." command={`${command} --follow`} />
      <Way title="From another machine" what="Over SSH." command={`ssh -t ${host} ${command}`} />
      {place && (
        <Way
          title="Plain tmux"
          what="Works even when the daemon is down."
          command={`tmux -S ${place.tmux_socket} attach -t '=${place.tmux_session}'`}
        />
      )}
      {failed && <p class="tone-bad">{failed}</p>}
      <p class="meta">
        While a terminal is attached, it sets the size, and this page scales to fit.
        {session.attached > 0 && ` ${count(session.attached, "terminal")} attached now.`}
      </p>
    </div>
  );
}

function Way({ title, what, command }: { title: string; what: string; command: string }) {
  return (
    <section>
      <h2>
        {title} <span class="meta">{what}</span>
      </h2>
      <Command text={command} />
    </section>
  );
}
