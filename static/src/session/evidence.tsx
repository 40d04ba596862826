import "../styles/evidence.css";
import type { Signal } from "@preact/signals";
import { useState } from "preact/hooks";
import type { EvidenceSource, Explanation, Session } from "../wire";
import { problemOf, request } from "../http";
import { Icon } from "../ui/icon";
import { Meters } from "../ui/meters";
import { closePopover, Popover } from "../ui/popover";
import { ProgramStatus } from "../ui/program_status";
import { StatePill, stateNow } from "../ui/state";
import { clockExact } from "../clock";

const SOURCES: Record<EvidenceSource, string> = {
  life_cycle: "lifecycle",
  hook: "hook",
  transcript: "transcript",
  report: "report",
  foreground: "foreground",
  screen: "screen",
  silence: "silence",
};

/** The state; it opens why it is believed. */
export function Evidence({ session, shown }: { session: Session; shown: Signal<boolean> }) {
  const [explained, setExplained] = useState<Explanation | null>(null);
  const [failed, setFailed] = useState<string | null>(null);
  const state = stateNow(session);
  const load = async (): Promise<void> => {
    try {
      setExplained(await request<Explanation>("GET", `/api/sessions/${session.id}/explain`));
      setFailed(null);
    } catch (error) {
      setFailed(problemOf(error).detail);
    }
  };
  const proofs = [...(explained?.evidence ?? [])].reverse().slice(0, 6);
  const decisive = proofs.findIndex((proof) => proof.state !== "");
  return (
    <>
      <Popover
        button={<StatePill session={session} />}
        buttonClass={`pill tone-${state.tone}`}
        tip="Why this state"
        tipKey="W"
        class="evidence"
        onOpen={() => void load()}
        shown={shown.value}
        onShown={(on) => (shown.value = on)}
      >
        <div class="evidence-head">
          <h2>Why “{[state.word, state.what].filter(Boolean).join(" · ")}”</h2>
          <button class="button ghost icon" aria-label="Close" onClick={(event) => closePopover(event.currentTarget)}>
            <Icon name="close" size={14} />
          </button>
        </div>
        {shown.value && (
          <div class="phone-only">
            <Said session={session} />
            <Meters session={session} />
          </div>
        )}
        {failed && <p class="tone-bad">{failed}</p>}
        <ul>
          {proofs.map((proof, index) => (
            <li key={`${proof.at}${index}`}>
              <span class={index === decisive ? `tone-${state.tone}` : "meta"}>
                <Icon name={index === decisive ? "tick" : "minus"} size={14} />
              </span>
              <span class="chip source">{SOURCES[proof.source]}</span>
              <span class="what">
                {proof.what}
                {proof.state && <span class="meta"> → {proof.state}</span>}
              </span>
              <time class="meta mono">{clockExact(Date.parse(proof.at))}</time>
            </li>
          ))}
        </ul>
        {explained && explained.program_status.length > 1 && (
          <ul class="said" aria-label="Program status, in the programs’ own words">
            {explained.program_status.map((status) => (
              <li key={`${status.source} ${status.id ?? ""}`}>
                <span class="chip">{status.state}</span>
                <code>{status.id ?? status.app ?? "program"}</code>
                <ProgramStatus status={status} />
              </li>
            ))}
          </ul>
        )}
        {explained && (
          <p class="meta">
            {proofs.length === 0 ? "No evidence yet." : "The most recent of the strongest evidence wins."}
          </p>
        )}
      </Popover>
      <Said session={session} />
      <Meters session={session} />
    </>
  );
}

/** What the program says about itself. */
function Said({ session }: { session: Session }) {
  const status = session.program_status;
  return status && (status.progress ?? status.message) !== null ? <ProgramStatus status={status} /> : null;
}
