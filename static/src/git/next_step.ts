// What ends a merge or a rebase that is under way, in words to follow a problem's own.

import { STEPS } from "../next";
import type { GitOperation } from "../wire";

const FINISH: Record<GitOperation, string> = {
  merge: "commit what is staged, here or in the terminal",
  rebase: "run “git rebase --continue” in the terminal",
  cherry_pick: "run “git cherry-pick --continue” in the terminal",
  revert: "run “git revert --continue” in the terminal",
  bisect: "run “git bisect good” or “git bisect bad” in the terminal",
  apply_mailbox: "run “git am --continue” in the terminal",
};

STEPS.finish_operation = ({ operation, conflicts }) =>
  `${conflicts ? "resolve the conflicts and stage the files, then " : ""}${FINISH[operation]}`;
