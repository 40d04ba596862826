// Sessions that this browser is not told of.

import { problemOf } from "../http";
import { toast } from "../toasts";
import type { Session } from "../wire";
import { nameOf } from "../words";
import { kept } from "./kept";

export async function mute(session: Session, muted: boolean): Promise<void> {
  const known = kept();
  if (!known) return;
  const { read, set } = await import("./device");
  const others = known.rules.muted.filter((id) => id !== session.id);
  try {
    const { push_key } = await read();
    await set({ ...known.rules, muted: muted ? [...others, session.id] : others }, push_key);
    toast({ text: muted ? `${nameOf(session)} is muted on this device.` : `${nameOf(session)} notifies this device.` });
  } catch (error) {
    toast({ text: problemOf(error).detail, bad: true });
  }
}
