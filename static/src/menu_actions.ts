// What the menu of a session, the palette and the list do besides: a session's page does not wait for it.

import { doing, path } from "./actions";
import { ask } from "./ask";
import { problemOf, request } from "./http";
import { isAgent } from "./providers";
import { quoted } from "./quoted";
import { daemon, keep } from "./store";
import { toast } from "./toasts";
import type { LabelSession, Session } from "./wire";
import { nameOf } from "./words";

export function fork(session: Session, then: (fork: Session) => void): Promise<void> {
  return doing(session, "Forking…", async () => {
    const made = await request<Session>("POST", `${path(session)}/fork`);
    keep(made);
    toast({ text: `Forked: ${made.short_id} continues from a copy of ${nameOf(session)}’s conversation.` });
    then(made);
  });
}

export async function rename(session: Session, name: string | null): Promise<void> {
  keep(await request<Session>("PATCH", path(session), { name }));
}

export async function label(session: Session, labels: LabelSession): Promise<void> {
  keep(await request<Session>("POST", `${path(session)}/labels`, labels));
}

/** Pins it or not, or takes it out of the lists. */
export function mark(session: Session, labels: LabelSession): Promise<void> {
  return doing(session, "Saving…", async () => {
    await label(session, labels);
    if (labels.archived)
      toast({
        text: `${nameOf(session)} archived.`,
        action: { label: "Undo", run: () => void mark(session, { archived: false }) },
      });
  });
}

/** The program as one types it, so that it finds this daemon. */
export function program(): string {
  const socket = daemon.value?.socket ?? "";
  return /^(\/tmp\/codepiper(-\d+)?\.sock)?$/.test(socket) ? "codepiper" : `codepiper --socket ${quoted(socket)}`;
}

export const attachCommand = (session: Session): string => `${program()} attach ${session.short_id}`;

export async function copyAttach(session: Session): Promise<void> {
  const { copyText } = await import("./ui/copy");
  if (await copyText(attachCommand(session))) toast({ text: "Attach command copied." });
}

// What cannot be undone is asked about first.

export function kill(session: Session): void {
  const program = isAgent(session.provider) ? "agent" : "program";
  ask({
    title: `Kill ${nameOf(session)}?`,
    text: `The ${program} is killed at once, even in the middle of its work. Its tmux session and scrollback are deleted; its log and the files in its directory are kept.`,
    verb: "Kill session",
    destroys: true,
    run: async () => keep(await request<Session>("POST", `${path(session)}/kill`)),
  });
}

export function remove(session: Session, after?: () => void): void {
  void import("./remove")
    .then((module) => module.remove(session, after))
    .catch((error: unknown) => toast({ text: problemOf(error).detail, bad: true }));
}
