import type { Cursor, FoundEvents } from "../wire";
import { cursorOf, type Position } from "../cursor";
import { problemOf, request } from "../http";
import { textAfter } from "../terminal/history";
import { toast } from "../toasts";
import { copyText } from "../ui/copy";
import { count } from "../words";

/** Copies what was printed since a line was sent: `enter`, or the last that is known of. */
export async function copyLastOutput(session: string, enter: Position | null): Promise<void> {
  try {
    const from = enter ? cursorOf(enter) : await lastInput(session);
    if (from === null)
      return toast({ text: "Nothing has been sent to this session yet. Select the text to copy instead.", bad: true });
    const text = await textAfter(session, from);
    if (await copyText(text)) toast({ text: `Copied ${count(text.split("\n").length - 1, "line")}.` });
  } catch (error) {
    toast({ text: problemOf(error).detail, bad: true });
  }
}

/** Where the output was when something was sent last. */
async function lastInput(session: string): Promise<Cursor | null> {
  const { events } = await request<FoundEvents>("GET", `/api/events?session=${session}&kind=input.sent&limit=1`);
  const [event] = events;
  return event?.kind === "input.sent" ? event.data.cursor : null;
}
