// What cannot be undone: it is asked about first.

import { path } from "./actions";
import { ask } from "./ask";
import { request } from "./http";
import { isAgent } from "./providers";
import { keep } from "./store";
import type { Session } from "./wire";
import { nameOf } from "./words";

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
  ask({
    title: `Remove ${nameOf(session)}?`,
    text: "The session and its log are deleted, and it cannot be resumed. The files in its directory are kept.",
    verb: "Remove",
    destroys: true,
    run: async () => {
      await request("DELETE", path(session));
      after?.();
    },
  });
}
