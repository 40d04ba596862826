// A long text on its way to a program: in pieces beside the WebSocket, where the keys of all sessions go.

import { signal } from "@preact/signals";
import { problemOf, request } from "../http";
import { toast } from "../toasts";
import type { Sent } from "../wire";
import { bytes as size } from "../words";
import type { TerminalModel } from "./terminal_model";

/** Bytes in one request: the program gets all of them or none. */
const PIECE = 256 * 1024;
/** Shorter ones go where the keys go. */
const LONG = 4 * 1024;
/** What ends a paste for a program that knows of them. */
const END = "\x1b[201~";

interface Pasting {
  done: number;
  total: number;
  stop: AbortController;
}

/** By the session: they go on when its page is left. */
const pasting = signal<ReadonlyMap<string, Pasting>>(new Map());

function tell(session: string, now: Pasting | null): void {
  const all = new Map(pasting.peek());
  if (now) all.set(session, now);
  else all.delete(session);
  pasting.value = all;
}

/** Types a text into the view's session; returns when the program has it, or it was stopped. */
export async function paste(view: TerminalModel, bytes: Uint8Array): Promise<void> {
  // Keys that waited for a text before them.
  if (bytes.length < LONG && view.screen && view.subscription?.type(bytes)) return;
  const { id } = view.session;
  const type = (piece: Uint8Array, signal: AbortSignal | null): Promise<Sent> =>
    request("POST", `/api/sessions/${id}/input?raw=true`, undefined, { body: piece.slice(), signal });
  const stop = new AbortController();
  const total = bytes.length;
  let done = 0;
  try {
    for (; done < total; done += PIECE) {
      tell(id, { done, total, stop });
      await type(bytes.subarray(done, done + PIECE), stop.signal);
    }
  } catch (error) {
    const why = stop.signal.aborted ? "Paste stopped" : `Paste failed: ${problemOf(error).detail}`;
    toast({ text: `${why}. The program got ${size(done)} of ${size(total)}.`, bad: !stop.signal.aborted });
    const tail = bytes.subarray(-END.length);
    if (done > 0 && new TextDecoder().decode(tail) === END) await type(tail, null).catch(() => undefined);
  } finally {
    tell(id, null);
  }
}

/** How far it is, and a way to stop it. */
export function Pasting({ view }: { view: TerminalModel }) {
  const now = pasting.value.get(view.session.id);
  if (!now) return null;
  const { done, total, stop } = now;
  return (
    <span class="status" role="status">
      <progress value={done} max={total} aria-label="Pasted" />
      Pasting {size(done)} of {size(total)}
      <button class="button ghost" onClick={() => stop.abort()}>
        Stop
      </button>
    </span>
  );
}
