import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { WorktreeState } from "../wire";
import { problemOf, request } from "../http";
import { home, sessions } from "../store";
import { Icon } from "../ui/icon";
import { bytes, count, foreign, nameOf, tilde } from "../words";
import { askMerge, askRemoval, branchOf, held } from "../worktrees";
import { Box, BoxRow } from "./settings";

/** The worktrees of all sessions, by repository: what each has, and what can be done with it. */
export function WorktreesSection() {
  const found = useSignal<readonly WorktreeState[] | null>(null);
  const failed = useSignal<string | null>(null);
  const load = async (): Promise<void> => {
    try {
      found.value = await request<WorktreeState[]>("GET", "/api/worktrees");
      failed.value = null;
    } catch (error) {
      failed.value = problemOf(error).detail;
    }
  };
  const again = (): void => void load();
  useEffect(() => {
    again();
    window.addEventListener("focus", again);
    return () => window.removeEventListener("focus", again);
  }, []);
  const repositories = [...new Set((found.value ?? []).map((each) => each.repository))];
  return (
    <>
      {failed.value !== null && (
        <p class="notice bad" role="alert">
          {failed.value}
        </p>
      )}
      {found.value?.length === 0 && (
        <Box title="Worktrees">
          <BoxRow title="No worktrees yet" what="Create a session in a worktree of its own to get one." />
        </Box>
      )}
      {repositories.map((repository) => (
        <Box
          key={repository}
          title={repository === null ? "Unreadable" : foreign(tilde(repository, home.value))}
          what={repository === null ? "Git cannot tell which repository they belong to." : "Worktrees of its sessions."}
        >
          {(found.value ?? [])
            .filter((each) => each.repository === repository)
            .map((each) => (
              <Row key={each.id} of={each} load={again} />
            ))}
        </Box>
      ))}
    </>
  );
}

function Row({ of, load }: { of: WorktreeState; load: () => void }) {
  const why = held(of);
  const parts = [
    of.into !== null && of.ahead !== null && `↑${of.ahead} ↓${of.behind} compared with ${foreign(of.into)}`,
    of.uncommitted > 0 && count(of.uncommitted, "uncommitted file"),
    bytes(of.bytes),
  ];
  const unmergeable =
    of.into === null
      ? "The repository has no branch checked out"
      : of.uncommitted > 0
        ? "It has uncommitted files"
        : (of.ahead ?? 0) === 0
          ? `${foreign(of.into)} has all of it`
          : null;
  return (
    <BoxRow
      title={
        <>
          <Icon name="branch" size={14} />
          {branchOf(of)}
        </>
      }
      what={
        <>
          {parts.filter(Boolean).join(" · ")}
          <br />
          <code>{foreign(tilde(of.path, home.value))}</code>
          <br />
          {of.sessions.length === 0
            ? "No session"
            : of.sessions.map((id, at) => (
                <span key={id}>
                  {at > 0 && ", "}
                  <a href={`/sessions/${id}`}>{name(id)}</a>
                </span>
              ))}
          {of.in_use && ", running"}
          {of.problem !== null && (
            <>
              <br />
              {of.problem}
            </>
          )}
        </>
      }
    >
      <div class="row-of">
        <button
          class="button"
          aria-label={`Merge ${branchOf(of)}`}
          disabled={of.problem !== null || unmergeable !== null}
          title={unmergeable ?? undefined}
          onClick={() => askMerge(of, load)}
        >
          Merge…
        </button>
        <button
          class="button quiet-destroy"
          aria-label={`Remove ${branchOf(of)}`}
          disabled={why !== null}
          title={why ?? undefined}
          onClick={() => askRemoval(of, load)}
        >
          Remove…
        </button>
      </div>
    </BoxRow>
  );
}

function name(id: string): string {
  const session = sessions.value?.get(id);
  return session ? nameOf(session) : id.slice(0, 8);
}
