// What becomes of a session's worktree, in the words of the dialogs that remove or merge it.

import "./styles/worktrees.css";
import { signal, type Signal } from "@preact/signals";
import { ask } from "./ask";
import { request } from "./http";
import { toast } from "./toasts";
import type { MergeWorktree, WorktreeMerged, WorktreeRemoved, WorktreeState } from "./wire";
import { count, foreign } from "./words";

const pathOf = ({ id }: WorktreeState): string => `/api/worktrees/${encodeURIComponent(id)}`;

export const branchOf = ({ branch }: WorktreeState): string => (branch === null ? "no branch" : foreign(branch));

/** Why it cannot be removed now; null: it can be. The daemon has the last word. */
export function held(of: WorktreeState): string | null {
  if (of.problem !== null) return of.problem;
  if (of.in_use) return "A session is running in it.";
  if (of.uncommitted > 0) return `It has ${count(of.uncommitted, "uncommitted file")}: commit or discard them first.`;
  return null;
}

/** What becomes of its branch, and what goes only when somebody says so. */
export function Fate({ of, ignored }: { of: WorktreeState; ignored: Signal<boolean> }) {
  const own = of.unpushed === 0 ? "" : `, with ${count(of.unpushed, "commit")} found nowhere else`;
  return (
    <>
      {of.branch !== null && (
        <div class="help">
          {of.keeps_branch
            ? `Its branch ${foreign(of.branch)} is kept${own}.`
            : `Its branch ${foreign(of.branch)} is deleted with it: it has no commits of its own.`}
        </div>
      )}
      {of.ignored > 0 && (
        <label class="check fate">
          <input
            type="checkbox"
            checked={ignored.value}
            onChange={(event) => (ignored.value = event.currentTarget.checked)}
          />
          Delete what git ignores in it, such as build output and .env files
        </label>
      )}
    </>
  );
}

export async function removeWorktree(of: WorktreeState, ignored: boolean): Promise<void> {
  const { kept_branch } = await request<WorktreeRemoved>("DELETE", `${pathOf(of)}${ignored ? "?ignored=true" : ""}`);
  toast({ text: `Worktree removed.${kept_branch === null ? "" : ` Branch ${foreign(kept_branch)} is kept.`}` });
}

export function askRemoval(of: WorktreeState, then: () => void): void {
  const ignored = signal(false);
  ask({
    title: `Remove the worktree of ${branchOf(of)}?`,
    text: (
      <>
        <code>{foreign(of.path)}</code> is deleted. Sessions that were started in it cannot be resumed.
        <Fate of={of} ignored={ignored} />
      </>
    ),
    verb: "Remove",
    destroys: true,
    run: async () => {
      await removeWorktree(of, ignored.value);
      then();
    },
  });
}

export function askMerge(of: WorktreeState, then: () => void): void {
  const squash = signal(false);
  const into = foreign(of.into ?? "");
  ask({
    title: `Merge ${branchOf(of)} into ${into}?`,
    text: (
      <>
        {count(of.ahead ?? 0, "commit")} that {into} does not have. Nothing is pushed, and if there is a conflict,
        nothing is changed.
        <Squash squash={squash} />
      </>
    ),
    verb: "Merge",
    run: async () => {
      const body: MergeWorktree = { squash: squash.value };
      const merged = await request<WorktreeMerged>("POST", `${pathOf(of)}/merge`, body);
      toast({
        text:
          merged.commits === 0
            ? `${foreign(merged.into)} already has every commit of ${foreign(merged.branch)}.`
            : `${count(merged.commits, "commit")} of ${foreign(merged.branch)} merged into ${foreign(merged.into)}.`,
      });
      then();
    },
  });
}

function Squash({ squash }: { squash: Signal<boolean> }) {
  return (
    <label class="check fate">
      <input
        type="checkbox"
        checked={squash.value}
        onChange={(event) => (squash.value = event.currentTarget.checked)}
      />
      As one commit
    </label>
  );
}
