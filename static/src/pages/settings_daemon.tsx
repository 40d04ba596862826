import { useEffect, useState } from "preact/hooks";
import { ask } from "../ask";
import { problemOf, request } from "../http";
import { nextWords } from "../next";
import { connection, daemon, inOrder, live, liveCount, now } from "../store";
import { Icon } from "../ui/icon";
import { fullTime, duration } from "../words";
import type { Check, Problem, Verdict } from "../wire";
import { Box, BoxRow } from "./settings";

/** The daemon, what it uses, and whether it is well. */
export function DaemonSection() {
  const status = daemon.value;
  if (!status) return null;
  const started = Date.parse(status.started_at);
  return (
    <>
      <Box title="Daemon">
        <BoxRow
          title={`codepiper ${status.version}`}
          what={
            <span title={fullTime(started)}>
              Up {duration(now.value - started)} · pid {status.pid}
            </span>
          }
        >
          <button class="button" disabled={!live.value} onClick={restart}>
            Restart…
          </button>
        </BoxRow>
        <BoxRow title="Sessions" what={`${liveCount.value} live, ${inOrder.value.length - liveCount.value} ended`} />
        <BoxRow
          title={status.tmux.connected ? `tmux ${status.tmux.version}` : "tmux is not connected"}
          what={<code>{status.tmux.socket}</code>}
        />
        <BoxRow title="Socket" what={<code>{status.socket}</code>} />
        {status.web !== null && <BoxRow title="Dashboard" what={<code>{status.web}</code>} />}
        <BoxRow title="This connection" what={connection.link.value.phase === "live" ? "Live" : "Not connected"} />
      </Box>
      <Checks />
    </>
  );
}

function restart(): void {
  ask({
    title: "Restart the daemon?",
    text: "Sessions keep running. This page reconnects by itself; what is printed meanwhile is loaded.",
    verb: "Restart",
    run: () => request("POST", "/api/daemon/restart"),
  });
}

const VERDICTS: Record<Verdict, { icon: "tick" | "warning"; tone: string }> = {
  fine: { icon: "tick", tone: "tone-accent" },
  warning: { icon: "warning", tone: "tone-unk" },
  broken: { icon: "warning", tone: "tone-bad" },
};

/** What `codepiper doctor` says: what is wrong comes first. */
function Checks() {
  const [checks, setChecks] = useState<readonly Check[] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const load = async (): Promise<void> => {
    try {
      setChecks(await request<Check[]>("GET", "/api/doctor"));
      setProblem(null);
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  // After a restart it is another one.
  useEffect(() => {
    if (live.value) void load();
  }, [live.value]);
  const order = Object.keys(VERDICTS).reverse();
  const rank = ({ verdict }: Check): number => order.indexOf(verdict);
  return (
    <Box title="Checks" what="Disk space, limits and whether everything works: what codepiper doctor says.">
      {problem && (
        <div class="box-row tone-bad" role="alert">
          <Icon name="warning" />
          {problem.detail}
        </div>
      )}
      {checks === null && !problem && (
        <div class="box-row" role="status">
          Checking…
        </div>
      )}
      {[...(checks ?? [])]
        .sort((a, b) => rank(a) - rank(b))
        .map((check) => (
          <BoxRow key={check.name} title={check.name} what={check.next ? says(check) : check.detail}>
            <span class={`check-verdict ${VERDICTS[check.verdict].tone}`}>
              <Icon name={VERDICTS[check.verdict].icon} size={14} />
              {check.verdict}
            </span>
          </BoxRow>
        ))}
    </Box>
  );
}

function says({ detail, next }: Check): string {
  const words = next && nextWords(next);
  return words ? `${detail}; ${words}` : detail;
}
