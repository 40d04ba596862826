import "../styles/program_status.css";
import type { StatusRecord } from "../wire";
import { now } from "../store";
import { age, foreign } from "../words";

/** What the session's program says about itself: how far it is, and its own words. */
export function ProgramStatus({ status }: { status: StatusRecord }) {
  const { progress, message, title, app, id } = status;
  const words = [title, message].filter(Boolean).map((text) => foreign(text ?? ""));
  const of = [app, id].filter(Boolean).join(" · ");
  const said = `${of || "The program"} reported “${status.state}” ${age(now.value - Date.parse(status.at))} ago`;
  return (
    <span class="program-status" title={said}>
      {progress !== null && (
        <>
          <progress max={100} value={progress} aria-label="Progress" />
          <span class="mono">{progress}%</span>
        </>
      )}
      {words.length > 0 && <span class="truncate">{words.join(" · ")}</span>}
    </span>
  );
}
