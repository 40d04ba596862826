import "../styles/terminal.css";
import { useEffect, useRef } from "preact/hooks";
import { TileTerminal } from "../grid/tile_terminal";
import { shownTheme, terminalTheme } from "../preferences";
import type { Session } from "../wire";

/** The terminal of a session, to be looked at. */
export function ScreenNow({ session }: { session: Session }) {
  const frame = useRef<HTMLDivElement>(null);
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!host.current || !frame.current) return;
    const made = new TileTerminal(session, host.current, frame.current, () => undefined);
    return () => made.close();
  }, [session.id]);
  const theme = terminalTheme.value === "follow" ? shownTheme.value : terminalTheme.value;
  return (
    <section class="ask-screen" aria-label="Its screen">
      <div class="ask-screen-head">
        <h3>Its screen</h3>
        <a href={`/sessions/${session.id}`}>Open session</a>
      </div>
      <div class="ask-screen-frame" data-theme={theme} ref={frame} inert>
        <div class="term-host" ref={host} />
      </div>
    </section>
  );
}
