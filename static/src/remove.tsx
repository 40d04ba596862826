import { signal, useSignal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { path } from "./actions";
import { ask } from "./ask";
import { request } from "./http";
import type { Session, Worktree, WorktreeState } from "./wire";
import { foreign, nameOf } from "./words";
import { Fate, held, removeWorktree } from "./worktrees";

/** What goes with the session. */
interface Choice {
  /** Its worktree. */
  worktree: WorktreeState | null;
  ignored: Signal<boolean>;
}

/** Asks first, and says what stays. */
export function remove(session: Session, after?: () => void): void {
  const choice: Choice = { worktree: null, ignored: signal(false) };
  ask({
    title: `Remove ${nameOf(session)}?`,
    text: (
      <>
        The session and its log are deleted, and it cannot be resumed. The files in its directory are kept.
        {session.worktree && <WorktreeChoice session={session} worktree={session.worktree} choice={choice} />}
      </>
    ),
    verb: "Remove",
    destroys: true,
    run: async () => {
      // If that is refused, the session stays, too.
      if (choice.worktree) await removeWorktree(choice.worktree, choice.ignored.value);
      await request("DELETE", path(session));
      after?.();
    },
  });
}

function WorktreeChoice({ session, worktree, choice }: { session: Session; worktree: Worktree; choice: Choice }) {
  const found = useSignal<WorktreeState | null>(null);
  const chosen = useSignal(false);
  useEffect(() => {
    void request<WorktreeState[]>("GET", "/api/worktrees").then(
      (all) => (found.value = all.find((each) => each.path === worktree.path) ?? null),
      // What it is like is not known; it stays.
      () => undefined,
    );
  }, [session.id]);
  const state = found.value;
  if (!state) return null;
  const why = held(state);
  return (
    <>
      <label class="check fate">
        <input
          type="checkbox"
          checked={chosen.value}
          disabled={why !== null}
          onChange={(event) => {
            chosen.value = event.currentTarget.checked;
            choice.worktree = chosen.value ? state : null;
          }}
        />
        Remove its worktree, too
      </label>
      <div class="help">
        <code>{foreign(worktree.path)}</code>
      </div>
      {why !== null && <div class="help">{why}</div>}
      {chosen.value && <Fate of={state} ignored={choice.ignored} />}
    </>
  );
}
