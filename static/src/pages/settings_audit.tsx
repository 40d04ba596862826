import "../styles/audit.css";
import { useEffect, useState } from "preact/hooks";
import { problemOf, request } from "../http";
import { inOrder, onEvent } from "../store";
import { toast } from "../toasts";
import { copyText } from "../ui/copy";
import { Described } from "../ui/described";
import { Icon } from "../ui/icon";
import type { AuditPage, AuditRecord, AuditVerified, Problem } from "../wire";
import { fullTime, count, nameOf, visible } from "../words";
import { Box, BoxRow } from "./settings";

/** Records that are read at once. */
const PAGE = 50;
/** After an event the daemon has written its record, in ms. */
const SOON = 1500;

const KINDS = [
  ["", "Everything"],
  ["policy", "Policies"],
  ["ask", "Answers"],
  ["halt", "Halts"],
  ["session", "Starts and ends"],
  ["input", "Typing"],
  ["auth", "Sign-ins"],
] as const;

interface Wanted {
  kind: string;
  session: string;
}

/** Who decided and did what. */
export function AuditSection() {
  const [wanted, setWanted] = useState<Wanted>({ kind: "", session: "" });
  const [page, setPage] = useState<AuditPage | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const read = async (before?: number): Promise<AuditPage | null> => {
    const query = new URLSearchParams({ limit: String(PAGE) });
    if (wanted.kind) query.set("kind", wanted.kind);
    if (wanted.session) query.set("session", wanted.session);
    if (before !== undefined) query.set("before", String(before));
    try {
      const found = await request<AuditPage>("GET", `/api/audit?${query}`);
      setProblem(null);
      return found;
    } catch (error) {
      setProblem(problemOf(error));
      return null;
    }
  };
  useEffect(() => {
    let current = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const load = async (): Promise<void> => {
      const found = await read();
      // Who has read further back stays there.
      if (current && found) setPage((known) => (known && known.records.length > PAGE ? known : found));
    };
    setPage(null);
    void load();
    const end = onEvent(() => {
      timer ??= setTimeout(() => {
        timer = undefined;
        void load();
      }, SOON);
    });
    return () => {
      current = false;
      clearTimeout(timer);
      end();
    };
  }, [wanted]);
  const more = async (): Promise<void> => {
    const end = page?.records.at(-1)?.seq;
    const found = await read(end);
    // Another filter was chosen meanwhile, or it was pressed twice.
    const follows = (known: AuditPage | null): known is AuditPage =>
      known !== null && known.records.at(-1)?.seq === end;
    if (found)
      setPage((known) => (follows(known) ? { ...found, records: [...known.records, ...found.records] } : known));
  };
  const last = page?.records.at(-1);
  return (
    <>
      <Box title="Audit" what="Who decided and did what. Each record holds the hash of the one before it.">
        <div class="box-row audit-filters">
          <select
            class="input"
            aria-label="Kind"
            value={wanted.kind}
            onChange={(event) => setWanted({ ...wanted, kind: event.currentTarget.value })}
          >
            {KINDS.map(([kind, word]) => (
              <option key={kind} value={kind}>
                {word}
              </option>
            ))}
          </select>
          <select
            class="input"
            aria-label="Session"
            value={wanted.session}
            onChange={(event) => setWanted({ ...wanted, session: event.currentTarget.value })}
          >
            <option value="">All sessions</option>
            {inOrder.value.map((session) => (
              <option key={session.id} value={session.id}>
                {nameOf(session)}
              </option>
            ))}
          </select>
        </div>
        {problem && (
          <div class="box-row tone-bad" role="alert">
            <Icon name="warning" />
            {problem.detail}
          </div>
        )}
        {page !== null && page.unreadable > 0 && (
          <div class="box-row tone-bad" role="alert">
            <Icon name="warning" />
            {count(page.unreadable, "line")} cannot be read: check all records.
          </div>
        )}
        {page?.records.map((record) => (
          <Line key={record.seq} record={record} />
        ))}
        {page?.records.length === 0 && <BoxRow title="No records match these filters." />}
        {last && last.seq > 1 && page && page.records.length % PAGE === 0 && (
          <div class="box-row">
            <button class="button" onClick={() => void more()}>
              Older records
            </button>
          </div>
        )}
      </Box>
      <Check />
    </>
  );
}

function Line({ record }: { record: AuditRecord }) {
  const session = inOrder.value.find(({ id }) => id === record.session);
  return (
    <details class="audit-record">
      <summary class="box-row">
        <time class="meta" dateTime={record.at}>
          {fullTime(Date.parse(record.at))}
        </time>
        <span class="grow">
          <Described of={record.description} />
          <span class="meta">
            {[visible(record.actor), session ? nameOf(session) : record.session?.slice(0, 8)]
              .filter(Boolean)
              .join(" · ")}
          </span>
        </span>
      </summary>
      <div class="audit-whole">
        <code>{visible(record.kind)}</code> · record {record.seq}
        <pre>{lines(JSON.stringify(JSON.parse(record.data), null, 2).split("\n"))}</pre>
        <code class="meta">{record.hash}</code>
      </div>
    </details>
  );
}

const lines = (of: readonly string[]): string => of.map((line) => visible(line)).join("\n");

/** Whether it is as it was written. */
function Check() {
  const [verified, setVerified] = useState<AuditVerified | "checking" | null>(null);
  const check = async (): Promise<void> => {
    setVerified("checking");
    try {
      setVerified(await request<AuditVerified>("GET", "/api/audit/verify"));
    } catch (error) {
      setVerified(null);
      toast({ text: problemOf(error).detail, bad: true });
    }
  };
  const done = verified !== null && verified !== "checking" ? verified : null;
  const copy = async (anchor: string): Promise<void> => {
    if (await copyText(anchor)) toast({ text: "Anchor copied." });
  };
  return (
    <Box title="Check" what="Looks for records that were changed, removed or added.">
      <div class="box-row">
        <button class="button" disabled={verified === "checking"} onClick={() => void check()}>
          {verified === "checking" ? "Checking…" : "Check all records"}
        </button>
        {done && (
          <span class={`audit-verdict ${done.whole ? "" : "tone-bad"}`} role="status">
            <Icon name={done.whole ? "tick" : "warning"} />
            {done.whole ? "Every record is as it was written." : "The audit is damaged."}
          </span>
        )}
      </div>
      {done && <pre class="box-row audit-report">{lines(done.report)}</pre>}
      {done?.anchor && (
        <BoxRow
          title="Anchor"
          what="Keep it where agents cannot write: later, it shows whether the end was cut off (codepiper audit verify --head ANCHOR)."
        >
          <button class="button" onClick={() => void copy(done.anchor ?? "")}>
            Copy
          </button>
        </BoxRow>
      )}
    </Box>
  );
}
