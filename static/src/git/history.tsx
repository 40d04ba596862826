// The log with its graph, a commit, and the branches.

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { GitBranches, GitCommit, GitCommitDetails, GitLog, Session } from "../wire";
import { problemOf, request } from "../http";
import { now } from "../store";
import { CopyButton } from "../ui/copy";
import { fullTime, age, foreign, visible } from "../words";
import { lanesOf, type Node } from "./graph";
import { refOf } from "./shown";

const PAGE = 100;

const path = (session: Session, rest: string): string => `/api/sessions/${session.id}/git/${rest}`;

export function Log({
  session,
  of,
  open,
  version,
}: {
  session: Session;
  of: string | null;
  open: (commit: GitCommit) => void;
  version: string;
}) {
  const commits = useSignal<readonly GitCommit[]>([]);
  const next = useSignal<number | null>(null);
  const loaded = useSignal(false);
  const failed = useSignal<string | null>(null);
  const read = async (from: number): Promise<void> => {
    try {
      const query = new URLSearchParams({ from: String(from), limit: String(PAGE), ...(of === null ? {} : { of }) });
      const found = await request<GitLog>("GET", path(session, `log?${query.toString()}`));
      commits.value = [...commits.value.slice(0, from), ...found.commits];
      next.value = found.next;
      failed.value = null;
    } catch (error) {
      failed.value = problemOf(error).detail;
    }
    loaded.value = true;
  };
  useEffect(() => void read(0), [session.id, of, version]);
  const nodes = useMemo(() => lanesOf(commits.value), [commits.value]);
  const width = Math.min(12, Math.max(1, ...nodes.map((node) => node.width)));
  return (
    <div class="scroll git-log" role="region" aria-label="Log" tabIndex={0}>
      {failed.value && <p class="pad tone-bad">{failed.value}</p>}
      {loaded.value && commits.value.length === 0 && !failed.value && <p class="pad meta">No commits yet.</p>}
      <ol>
        {commits.value.map((commit, index) => (
          <li key={commit.id}>
            <button class="commit-row" onClick={() => open(commit)}>
              <Lanes node={nodes[index]!} width={width} />
              <span class="commit-what">
                <span class="truncate">
                  {commit.refs.map((name) => (
                    <span key={name} class="chip">
                      {foreign(name)}
                    </span>
                  ))}
                  {foreign(commit.summary)}
                </span>
                <span class="meta truncate">
                  <code>{commit.id.slice(0, 8)}</code> · {foreign(commit.author)}
                </span>
              </span>
              <time class="meta" title={fullTime(Date.parse(commit.at))}>
                {age(now.value - Date.parse(commit.at))}
              </time>
            </button>
          </li>
        ))}
      </ol>
      {next.value !== null && (
        <p class="pad">
          <button class="button" onClick={() => void read(next.value ?? 0)}>
            Older commits
          </button>
        </p>
      )}
    </div>
  );
}

const STEP = 12;
const HEIGHT = 40;

function Lanes({ node, width }: { node: Node; width: number }) {
  const x = (lane: number): number => lane * STEP + STEP / 2;
  return (
    <svg
      class="lanes"
      width={width * STEP}
      height={HEIGHT}
      viewBox={`0 0 ${width * STEP} ${HEIGHT}`}
      aria-hidden="true"
    >
      {node.edges.map(([from, to], index) => (
        <path
          key={index}
          class={`lane lane-${to % 5}`}
          d={
            from === node.lane
              ? `M${x(from)} ${HEIGHT / 2}C${x(from)} ${HEIGHT} ${x(to)} ${HEIGHT / 2} ${x(to)} ${HEIGHT}`
              : from === to
                ? `M${x(from)} 0V${HEIGHT}`
                : `M${x(from)} 0C${x(from)} ${HEIGHT / 2} ${x(to)} 0 ${x(to)} ${HEIGHT / 2}`
          }
        />
      ))}
      <circle class={`lane-${node.lane % 5}`} cx={x(node.lane)} cy={HEIGHT / 2} r="3.5" />
    </svg>
  );
}

/** What a commit says and changed; its differences are a stream like any other. */
export function CommitHead({ session, id, back }: { session: Session; id: string; back: () => void }) {
  const details = useSignal<GitCommitDetails | null>(null);
  const failed = useSignal<string | null>(null);
  useEffect(() => {
    request<GitCommitDetails>("GET", path(session, `commits/${id}`)).then(
      (found) => (details.value = found),
      (error: unknown) => (failed.value = problemOf(error).detail),
    );
  }, [session.id, id]);
  const found = details.value;
  return (
    <div class="commit-head">
      <div class="row-of">
        <button class="button" onClick={back}>
          Back
        </button>
        <code>{id.slice(0, 12)}</code>
        <CopyButton text={id} label="Copy the commit's id" />
      </div>
      {failed.value && <p class="tone-bad">{failed.value}</p>}
      {found && (
        <>
          <pre class="message" tabIndex={0}>
            {found.message
              .trim()
              .split("\n")
              .map((line) => visible(line))
              .join("\n")}
          </pre>
          <p class="meta">
            {foreign(found.commit.author)} &lt;{foreign(found.author_email)}&gt; ·{" "}
            {fullTime(Date.parse(found.authored_at))}
          </p>
        </>
      )}
    </div>
  );
}

export function Branches({
  session,
  open,
  version,
}: {
  session: Session;
  open: (reference: string) => void;
  version: string;
}) {
  const found = useSignal<GitBranches | null>(null);
  const failed = useSignal<string | null>(null);
  useEffect(() => {
    request<GitBranches>("GET", path(session, "branches")).then(
      (branches) => (found.value = branches),
      (error: unknown) => (failed.value = problemOf(error).detail),
    );
  }, [session.id, version]);
  const branches = found.value?.branches ?? [];
  return (
    <div class="scroll git-branches" role="region" aria-label="Branches" tabIndex={0}>
      {failed.value && <p class="pad tone-bad">{failed.value}</p>}
      {found.value && branches.length === 0 && <p class="pad meta">No branch has a commit yet.</p>}
      {(["Local", "Remote"] as const).map((kind) => {
        const own = branches.filter((branch) => branch.remote === (kind === "Remote"));
        if (own.length === 0) return null;
        return (
          <section key={kind}>
            <h2>{kind}</h2>
            <ul>
              {own.map((branch) => (
                <li key={branch.name}>
                  <button class="branch-row" onClick={() => open(refOf(branch))}>
                    <span class="truncate">
                      <b>{foreign(branch.name)}</b>
                      {branch.current && <span class="chip staged">checked out</span>}
                    </span>
                    <span class="meta truncate">{foreign(branch.last.summary)}</span>
                    <span class="meta">
                      {branch.ahead !== null && branch.behind !== null && `↑${branch.ahead} ↓${branch.behind} `}
                      {age(now.value - Date.parse(branch.last.at))}
                    </span>
                  </button>
                </li>
              ))}
            </ul>
          </section>
        );
      })}
      {found.value?.next != null && (
        <p class="pad meta">There are more branches: `codepiper git branches` lists them all.</p>
      )}
    </div>
  );
}
