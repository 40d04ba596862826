import { path } from "./actions";
import { ask } from "./ask";
import { request } from "./http";
import { program } from "./menu_actions";
import { quoted } from "./quoted";
import type { Session } from "./wire";
import { count, foreign, nameOf } from "./words";

/** Asks first, and says what stays and how that goes. */
export function remove(session: Session, after?: () => void): void {
  const { worktree, changes } = session;
  ask({
    title: `Remove ${nameOf(session)}?`,
    text: (
      <>
        The session and its log are deleted, and it cannot be resumed. The files in its directory are kept.
        {worktree && (
          <>
            {" "}
            So is its worktree <code>{foreign(worktree.path)}</code>, with branch{" "}
            <code>{foreign(worktree.branch)}</code>
            {changes && changes.files > 0 && ` and ${count(changes.files, "changed file")}`}. This removes it too,
            unless work would be lost: <code>{`${program()} worktree remove ${quoted(worktree.path)}`}</code>
          </>
        )}
      </>
    ),
    verb: "Remove",
    destroys: true,
    run: async () => {
      await request("DELETE", path(session));
      after?.();
    },
  });
}
