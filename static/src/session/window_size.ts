// The size of a session and of this window: the session takes the window's once, or follows it while nobody else looks.

import { effect } from "@preact/signals";
import type { Session, Size } from "../wire";
import { problemOf, request } from "../http";
import { auth } from "../login";
import { connection, keep } from "../store";
import { toast } from "../toasts";
import { isLive } from "../words";
import { coarse } from "../terminal/fit";
import { font } from "../terminal/font";
import { isFollowing, keepGrid, sameGrid } from "../terminal/following";
import type { TerminalModel } from "./terminal_model";

/** A window keeps its size this long before a session follows it, in ms. */
const SETTLED = 300;
/** Whether the size was set for this login. */
export const isOurs = ({ lease }: Session): boolean =>
  lease !== null && lease.login !== null && lease.login === auth.status?.login?.id;

/** The session gets the window's size, or the one back that it had before. */
export async function changeSize(view: TerminalModel, method: "POST" | "DELETE"): Promise<void> {
  const size = method === "POST" ? view.wanted.value : undefined;
  try {
    keep(await request<Session>(method, `/api/sessions/${view.session.id}/fit`, size));
  } catch (error) {
    toast({ text: `Size not changed: ${problemOf(error).detail}`, bad: true });
  }
}

/** What the key does: fits the session to this window, or gives it its size back. */
export function fitOrRestore(view: TerminalModel): void {
  const { session } = view;
  if (!isLive(session)) return;
  if (isOurs(session) && !session.lease?.automatic) void changeSize(view, "DELETE");
  else if (!sameGrid(session.size, view.wanted.value)) void changeSize(view, "POST");
}

/** Tells the daemon the window's size while the session shall follow it, until the answer is called. */
export function followWindow(view: TerminalModel): () => void {
  let ratio = devicePixelRatio;
  /** What the daemon knows, by a channel of the connection. */
  let told: { channel: number; size: Size } | null = null;
  let begun = 0;
  let timer = 0;
  const look = (wanted: Size, follows: boolean): void => {
    // Who zooms wants larger letters, and a composer is there for a moment.
    const passing =
      devicePixelRatio !== ratio ||
      (visualViewport?.scale ?? 1) !== 1 ||
      view.composing.value ||
      view.past.searching.value;
    ratio = devicePixelRatio;
    if (!passing) keepGrid(wanted);
    const channel = view.subscription?.channel ?? null;
    if (channel === null) return;
    // It forgot with the connection.
    if (told?.channel !== channel || view.begun.value !== begun) told = null;
    begun = view.begun.value;
    if (!follows) {
      if (told) connection.send({ type: "fit", channel, size: null });
      told = null;
    } else if (!told || (!passing && !sameGrid(told.size, wanted))) {
      told = { channel, size: wanted };
      connection.send({ type: "fit", channel, size: wanted });
    }
  };
  const stop = effect(() => {
    const wanted = view.wanted.value;
    const follows = isFollowing(view.session.id);
    void (view.begun.value, view.composing.value, view.past.searching.value);
    clearTimeout(timer);
    // A soft keyboard changes the window, and nobody reads an agent in so few columns.
    if (!coarse()) timer = window.setTimeout(() => look(wanted, follows), SETTLED);
  });
  return () => {
    stop();
    clearTimeout(timer);
  };
}

/** Shows the terminal in a font, once that is loaded, or in the page's own. */
export async function setFont(view: TerminalModel, wanted: string): Promise<void> {
  const { screen } = view;
  const stage = screen?.terminal.element?.closest<HTMLElement>(".stage");
  const name = wanted.replace(/["\\]/g, "");
  const family = name ? `"${name}", "${name} Web", ui-monospace, monospace` : "";
  if (!stage || stage.style.getPropertyValue("--mono") === family) return;
  const load = ["", "bold "].map((weight) => name && document.fonts.load(`${weight}1em "${name} Web"`));
  await Promise.allSettled(load);
  if (font.value !== wanted) return;
  stage.style.setProperty("--mono", family);
  screen?.restyle();
  view.fit();
}
