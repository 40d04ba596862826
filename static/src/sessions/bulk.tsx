import { resume, stop } from "../actions";
import { kill, mark, remove } from "../menu_actions";
import { ask } from "../ask";
import { problemOf, request } from "../http";
import { currentKey } from "../keys_table";
import { MOST } from "../grid/arrangement";
import { keep, sessions } from "../store";
import { toast } from "../toasts";
import { Keys } from "../ui/keys";
import { count, isLive, nameOf } from "../words";
import type { Session } from "../wire";
import { isOver, type Selection } from "./selection";

/** Names that are told; more are counted. */
const NAMED = 5;

function names(of: readonly Session[]): string {
  const told = of.slice(0, NAMED).map(nameOf).join(", ");
  return of.length > NAMED ? `${told} and ${of.length - NAMED} more` : told;
}

/** One after another; what fails does not keep the others from it. */
async function each(of: readonly Session[], verb: string, run: (session: Session) => Promise<unknown>): Promise<void> {
  const failed: string[] = [];
  for (const session of of) {
    try {
      await run(session);
    } catch (error) {
      failed.push(`${nameOf(session)}: ${problemOf(error).detail}`);
    }
  }
  if (failed.length > 0) throw new Error(`${failed.length} of ${of.length} could not be ${verb}. ${failed[0]}`);
}

export function killAll(of: readonly Session[], then: () => void = () => undefined): void {
  const [only] = of;
  if (!only) return;
  if (of.length === 1) return kill(only);
  ask({
    title: `Kill ${of.length} sessions?`,
    text: `${names(of)}: their programs are killed at once, even in the middle of their work. Their logs and the files in their directories are kept.`,
    verb: `Kill ${of.length} sessions`,
    destroys: true,
    run: async () => {
      await each(of, "killed", async ({ id }) => keep(await request<Session>("POST", `/api/sessions/${id}/kill`)));
      then();
    },
  });
}

export function removeAll(of: readonly Session[], then: () => void = () => undefined): void {
  const [only] = of;
  if (!only) return;
  if (of.length === 1) return remove(only, then);
  ask({
    title: `Remove ${of.length} sessions?`,
    text: `${names(of)}: these sessions and their logs are deleted, and cannot be resumed. The files in their directories are kept${of.some(({ worktree }) => worktree) ? ", and so are worktrees: Settings lists them" : ""}.`,
    verb: `Remove ${of.length} sessions`,
    destroys: true,
    run: async () => {
      await each(of, "removed", ({ id }) => request("DELETE", `/api/sessions/${id}`));
      then();
    },
  });
}

/** Does it to all that are selected and fit. */
export const BULK = {
  stop: (of: readonly Session[], then?: () => void): void => {
    const live = of.filter(isLive);
    const many = live.length > 1;
    void Promise.all(live.map((session) => stop(session, many))).then(() => {
      // What failed has been said.
      const stopped = live.flatMap(({ id }) => sessions.peek()?.get(id) ?? []).filter(isOver);
      if (many && stopped.length > 0)
        toast({
          text: `${count(stopped.length, "session")} stopped.`,
          action: { label: "Resume", run: () => BULK.resume(stopped) },
        });
    });
    then?.();
  },
  resume: (of: readonly Session[], then?: () => void): void => {
    for (const session of of.filter(isOver)) void resume(session);
    then?.();
  },
  kill: (of: readonly Session[], then?: () => void): void => killAll(of.filter(isLive), then),
  remove: (of: readonly Session[], then?: () => void): void => removeAll(of.filter(isOver), then),
  archive: (of: readonly Session[], then?: () => void): void => {
    for (const session of of.filter(isOver)) void mark(session, { archived: true });
    then?.();
  },
};

/** What is done to all that are selected. */
export function BulkBar({ selection, order }: { selection: Selection; order: () => readonly string[] }) {
  const chosen = selection.sessions;
  if (chosen.length === 0) return null;
  const live = chosen.filter(isLive).length;
  const over = chosen.length - live;
  const button = (word: string, key: string, run: (of: readonly Session[], then: () => void) => void, bad = false) => (
    <button class={bad ? "button bad" : "button"} onClick={() => run(chosen, selection.clear)}>
      {word}
      <Keys keys={currentKey(key, "list")} />
    </button>
  );
  return (
    <div class="selection" role="toolbar" aria-label="Selected sessions">
      <b>{chosen.length} selected</b>
      <button class="button ghost" onClick={() => selection.all(order())}>
        Select all
      </button>
      {chosen.length > 1 && chosen.length <= MOST && (
        <a class="button" href={`/grid?ids=${chosen.map(({ id }) => id).join()}`}>
          Grid
        </a>
      )}
      {live > 0 && button("Stop", "S", BULK.stop)}
      {over > 0 && button("Resume", "R", BULK.resume)}
      {chosen.some((session) => isOver(session) && !session.archived) && (
        <button class="button" onClick={() => BULK.archive(chosen, selection.clear)}>
          Archive
        </button>
      )}
      {live > 0 && button("Kill…", "⇧ K", BULK.kill, true)}
      {over > 0 && button("Remove…", "Del", BULK.remove, true)}
      <button class="button ghost" onClick={selection.clear}>
        Clear
        <kbd>Esc</kbd>
      </button>
    </div>
  );
}

export function RemoveEnded({ of }: { of: readonly Session[] }) {
  const over = of.filter(isOver);
  if (over.length < 2) return null;
  return (
    <button class="text-button remove-ended" onClick={() => removeAll(over)}>
      Remove all {count(over.length, "ended session")}…
    </button>
  );
}
