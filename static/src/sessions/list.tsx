import { type Signal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useLocation } from "preact-iso";
import { renaming, resume, stop } from "../actions";
import { GROUPS } from "../session_list";
import { bind } from "../shortcuts";
import { live, sessions } from "../store";
import { useFrozen } from "../ui/frozen";
import { isLive } from "../words";
import type { Session } from "../wire";
import { Row } from "./row";

interface Props {
  wanted: readonly Session[];
  text: string;
  clear: () => void;
}

export function List({ wanted, text, clear }: Props) {
  const list = useRef<HTMLDivElement>(null);
  const { shown, changed, update, hold } = useFrozen(wanted, list);
  const selected = useSignal<ReadonlySet<string>>(new Set());
  /** The session whose menu is open. */
  const menu = useSignal<string | null>(null);
  const { route } = useLocation();
  useListKeys(list, selected, menu);
  if (wanted.length === 0) return <NoMatch text={text} clear={clear} />;
  let first = true;
  return (
    <div class={live.value ? "scroll list" : "scroll list drained"} ref={list} {...hold}>
      <Columns />
      {changed && (
        <button class="button order-pill" onClick={update}>
          Order changed · Update
        </button>
      )}
      {GROUPS.map((group) => {
        const rows = shown.filter((row) => row.group === group);
        if (rows.length === 0) return null;
        return (
          <section key={group} aria-label={group}>
            <h2 class="group">
              {group} <small>{rows.length}</small>
            </h2>
            <ul>
              {rows.map(({ session }) => {
                const tab = first;
                first = false;
                return (
                  <Row
                    key={session.id}
                    session={session}
                    tab={tab}
                    selected={selected.value.has(session.id)}
                    open={() => route(`/sessions/${session.id}`)}
                    menu={menu.value === session.id}
                    onMenu={(shown) => {
                      if (shown) menu.value = session.id;
                      else if (menu.value === session.id) menu.value = null;
                    }}
                  />
                );
              })}
            </ul>
          </section>
        );
      })}
      <Selection selected={selected} />
    </div>
  );
}

function NoMatch({ text, clear }: { text: string; clear: () => void }) {
  return (
    <div class="scroll">
      <div class="empty">
        <h2>{text ? `No sessions match “${text}”.` : "No sessions match these filters."}</h2>
        <button class="button" onClick={clear}>
          Clear filters
        </button>
      </div>
    </div>
  );
}

type Selected = Signal<ReadonlySet<string>>;
type Do = (session: Session) => Promise<void>;

const isOver = (session: Session): boolean => !isLive(session);

function chosenOf(selected: Selected): Session[] {
  return [...selected.value].map((id) => sessions.value?.get(id)).filter((session) => session !== undefined);
}

/** Does it to all that are selected and fit; then none is selected. */
function forAll(selected: Selected, fitting: (session: Session) => boolean, run: Do): void {
  for (const session of chosenOf(selected)) if (fitting(session)) void run(session);
  selected.value = new Set();
}

/** The keys of a list: they go along its rows, and act on the row that has the focus. */
function useListKeys(list: RefObject<HTMLElement | null>, selected: Selected, menu: Signal<string | null>): void {
  useEffect(() => {
    const links = (): HTMLElement[] => [...(list.current?.querySelectorAll<HTMLElement>(".row-link") ?? [])];
    const at = (): number =>
      links().findIndex(
        (link) => link === document.activeElement || link.closest(".row")?.contains(document.activeElement),
      );
    const go = (to: number): void => links()[Math.max(0, Math.min(links().length - 1, to))]?.focus();
    const step = (by: number) => (): void => go(at() < 0 ? 0 : at() + by);
    const on = (run: (session: Session) => void) => (): void => {
      const id = links()[at()]?.dataset["session"];
      const session = id ? sessions.value?.get(id) : undefined;
      if (session) run(session);
    };
    const toggle = ({ id }: Session): void => {
      const chosen = new Set(selected.value);
      if (!chosen.delete(id)) chosen.add(id);
      selected.value = chosen;
    };
    const many = (fitting: (session: Session) => boolean, run: Do) => (): void => {
      if (selected.value.size > 0) forAll(selected, fitting, run);
      else on((session) => fitting(session) && void run(session))();
    };
    return bind({
      j: step(1),
      k: step(-1),
      ArrowDown: step(1),
      ArrowUp: step(-1),
      Home: () => go(0),
      End: () => go(links().length - 1),
      x: on(toggle),
      s: many(isLive, stop),
      r: many(isOver, resume),
      F2: on((session) => (renaming.value = session)),
      ".": on((session) => (menu.value = session.id)),
    });
  }, []);
}

function Selection({ selected }: { selected: Selected }) {
  const chosen = chosenOf(selected);
  if (chosen.length === 0) return null;
  return (
    <div class="selection" role="toolbar" aria-label="Selected sessions">
      <b>{chosen.length} selected</b>
      {chosen.some(isLive) && (
        <button class="button" onClick={() => forAll(selected, isLive, stop)}>
          Stop <kbd>S</kbd>
        </button>
      )}
      {chosen.some(isOver) && (
        <button class="button" onClick={() => forAll(selected, isOver, resume)}>
          Resume <kbd>R</kbd>
        </button>
      )}
      <button class="button ghost" onClick={() => (selected.value = new Set())}>
        Clear
      </button>
    </div>
  );
}

export function Columns() {
  return (
    <div class="columns" aria-hidden="true">
      <span>State</span>
      <span>Session</span>
      <span class="col-now">Now</span>
      <span class="col-trace">Last hour</span>
      <span class="col-provider">Provider</span>
      <span class="col-age">Age</span>
    </div>
  );
}
