import { useEffect, useRef } from "preact/hooks";
import { doingOrAsking } from "../doing";
import { contrast, letterSize, shownTheme, terminalTheme } from "../preferences";
import { look } from "../store";
import { Described } from "../ui/described";
import { Icon } from "../ui/icon";
import { stateNow } from "../ui/state";
import { StateMark } from "../ui/state_mark";
import { isWaiting, nameOf } from "../words";
import type { Session } from "../wire";
import { TileTerminal } from "./tile_terminal";

interface Props {
  session: Session;
  number: number;
  /** It is the one that is typed into. */
  used: boolean;
  /** Tab stops here. */
  stop: boolean;
  onUsed: (used: boolean) => void;
  open: () => void;
  /** Takes it out of the grid; not where what is shown is not chosen. */
  remove: (() => void) | null;
  /** Its head is pressed, to drag it. */
  grab: ((event: PointerEvent) => void) | null;
}

export function Tile({ session, number, used, stop, onUsed, open, remove, grab }: Props) {
  const tile = useRef<HTMLElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const host = useRef<HTMLDivElement>(null);
  const terminal = useRef<TileTerminal | null>(null);
  useEffect(() => {
    if (!host.current || !frame.current) return;
    const made = new TileTerminal(session, host.current, frame.current, () => tile.current?.focus());
    terminal.current = made;
    return () => {
      terminal.current = null;
      made.close();
    };
  }, [session.id]);
  if (terminal.current) terminal.current.session = session;
  useEffect(() => {
    terminal.current?.accelerate(used);
    if (used) look(session.id);
  }, [used, session.asks.map((ask) => ask.id).join(" ")]);
  useEffect(
    () => terminal.current?.restyle(),
    [shownTheme.value, terminalTheme.value, contrast.value, letterSize.value],
  );
  const theme = terminalTheme.value === "follow" ? shownTheme.value : terminalTheme.value;
  const asks = isWaiting(session) ? doingOrAsking(session) : null;
  const state = stateNow(session);
  return (
    <section
      ref={tile}
      class={`pane${used ? " used" : ""} tone-edge-${state.tone}`}
      aria-label={nameOf(session)}
      data-session={session.id}
      tabIndex={stop ? 0 : -1}
      onFocusIn={(event) => onUsed(event.target !== event.currentTarget && inTerminal(event.target))}
      onFocusOut={() => onUsed(false)}
      onKeyDown={(event) => {
        if (event.key !== "Enter" || event.target !== event.currentTarget) return;
        event.preventDefault();
        terminal.current?.focus();
      }}
    >
      <header class={grab ? "pane-head grabs" : "pane-head"} onPointerDown={grab ?? undefined} onDblClick={open}>
        <kbd aria-hidden="true">{number}</kbd>
        <span class={`tone-${state.tone}`}>
          <StateMark icon={state.icon} size={14} />
        </span>
        <a href={`/sessions/${session.id}`} class="truncate" draggable={false} tabIndex={-1}>
          {nameOf(session)}
        </a>
        <span class="meta truncate grow">{asks ? <Described of={asks} /> : `${state.word} ${state.detail}`}</span>
        {remove && (
          <button
            class="button ghost icon"
            aria-label={`Take ${nameOf(session)} out of the grid`}
            tabIndex={-1}
            onClick={remove}
          >
            <Icon name="close" size={13} />
          </button>
        )}
      </header>
      <div class="pane-screen" data-theme={theme} ref={frame} onClick={() => terminal.current?.focus()}>
        <div class="term-host" ref={host} />
      </div>
    </section>
  );
}

const inTerminal = (target: EventTarget | null): boolean => target instanceof Element && !!target.closest(".xterm");
