import "../styles/terminal.css";
import "../styles/grid.css";
import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { useLocation } from "preact-iso";
import { chosen, columns, keepTiles, keptTiles, MOST, moved, waitingOnes } from "../grid/arrangement";
import { drag } from "../grid/dragging";
import { Tile } from "../grid/tile";
import { bind } from "../shortcuts";
import { inOrder, sessions, waiting } from "../store";
import { ReconnectBanner } from "../ui/reconnect";
import { isLive, nameOf } from "../words";
import type { Session } from "../wire";

/** Live terminals beside each other: those that were chosen here, or those that wait. */
export function GridPage() {
  const { query, route } = useLocation();
  const onlyWaiting = query["show"] === "waiting";
  const ids = useSignal<readonly string[] | null>(null);
  if (ids.value === null) ids.value = keptTiles();
  const used = useSignal<string | null>(null);
  const before = useRef<readonly string[]>([]);
  const given = query["ids"];
  useEffect(() => {
    if (given === undefined) return;
    // Whoever follows a link to some sessions has chosen them.
    keepTiles((ids.value = given.split(",").slice(0, MOST)));
    route("/grid", true);
  }, [given]);
  const all = inOrder.value;
  const shown = onlyWaiting ? waitingOnes(all, before.current, used.value) : chosen(ids.value, all);
  before.current = shown.map(({ id }) => id);
  const set = (next: readonly string[]): void => keepTiles((ids.value = next));
  useGridKeys(onlyWaiting ? null : set, before, used);
  return (
    <>
      <Head onlyWaiting={onlyWaiting} shown={before.current} set={set} />
      <ReconnectBanner over />
      {sessions.value !== null && shown.length === 0 ? (
        <Nothing onlyWaiting={onlyWaiting} />
      ) : (
        <div class={`panes grid-${columns(shown.length)}`}>
          {shown.map((session, at) => (
            <Tile
              key={session.id}
              session={session}
              number={at + 1}
              used={used.value === session.id}
              stop={used.value === null ? at === 0 : used.value === session.id}
              onUsed={(on) => {
                if (on) used.value = session.id;
                else if (used.value === session.id) used.value = null;
              }}
              open={() => route(`/sessions/${session.id}`)}
              remove={onlyWaiting ? null : () => set(before.current.filter((id) => id !== session.id))}
              grab={
                onlyWaiting ? null : (event) => drag(event, session.id, (id, to) => set(moved(before.current, id, to)))
              }
            />
          ))}
        </div>
      )}
    </>
  );
}

interface HeadProps {
  onlyWaiting: boolean;
  shown: readonly string[];
  set: (ids: readonly string[]) => void;
}

function Head({ onlyWaiting, shown, set }: HeadProps) {
  const { route } = useLocation();
  const left = inOrder.value.filter((session) => isLive(session) && !shown.includes(session.id));
  return (
    <div class="page-head">
      <h1>Grid</h1>
      <div class="segments" role="group" aria-label="Show">
        <button aria-pressed={!onlyWaiting} onClick={() => route("/grid")}>
          Chosen
        </button>
        <button aria-pressed={onlyWaiting} onClick={() => route("/grid?show=waiting")}>
          Waiting
          {waiting.value.length > 0 && <small>{waiting.value.length}</small>}
        </button>
      </div>
      <span class="grow" />
      {!onlyWaiting && shown.length < MOST && left.length > 0 && <Add left={left} add={(id) => set([...shown, id])} />}
    </div>
  );
}

function Add({ left, add }: { left: readonly Session[]; add: (id: string) => void }) {
  return (
    <select
      class="select add-pane"
      aria-label="Add a session"
      value=""
      onChange={(event) => add(event.currentTarget.value)}
    >
      <option value="">Add a session…</option>
      {[...left].reverse().map((session) => (
        <option key={session.id} value={session.id}>
          {nameOf(session)}
        </option>
      ))}
    </select>
  );
}

function Nothing({ onlyWaiting }: { onlyWaiting: boolean }) {
  return (
    <div class="empty">
      <h2>{onlyWaiting ? "Nothing is waiting for you." : "No tiles yet"}</h2>
      {!onlyWaiting && <p>Add sessions here, or select some in the list and choose Grid.</p>}
      <a class="button" href="/">
        Go to Sessions
      </a>
    </div>
  );
}

const tileOf = (id: string | undefined): HTMLElement | null =>
  id === undefined ? null : document.querySelector(`.pane[data-session="${id}"]`);

/** From tile to tile, also from inside of a terminal; < and > move the tile itself. */
function useGridKeys(
  set: ((ids: readonly string[]) => void) | null,
  shown: { readonly current: readonly string[] },
  used: Signal<string | null>,
): void {
  useEffect(() => {
    const at = (): number => {
      const tile = document.activeElement?.closest<HTMLElement>(".pane");
      return shown.current.indexOf(tile?.dataset["session"] ?? "");
    };
    const next = (by: number): number => (at() < 0 ? 0 : (at() + by + shown.current.length) % shown.current.length);
    /** Into its terminal, where one was typing; else to the tile. */
    const go = (to: number, into = used.value !== null): void => {
      const tile = tileOf(shown.current[to]);
      (into ? tile?.querySelector<HTMLElement>(".xterm-helper-textarea") : tile)?.focus();
    };
    const carry = (by: number) => (): void => {
      const [id, to] = [shown.current[at()], shown.current[next(by)]];
      if (id === undefined || to === undefined || !set) return;
      set(moved(shown.current, id, to));
      // It was taken out and put in again.
      requestAnimationFrame(() => tileOf(id)?.focus());
    };
    const numbers = Array.from({ length: MOST }, (_, index) => [String(index + 1), () => go(index, true)] as const);
    return bind("grid", {
      ...Object.fromEntries(numbers),
      "⌥ArrowDown": () => go(next(1)),
      "⌥ArrowUp": () => go(next(-1)),
      ArrowRight: () => go(next(1)),
      ArrowLeft: () => go(next(-1)),
      ArrowDown: () => go(next(columns(shown.current.length))),
      ArrowUp: () => go(next(-columns(shown.current.length))),
      ">": carry(1),
      "<": carry(-1),
      Delete: () => set?.(shown.current.filter((_, index) => index !== at())),
      "⌥n": () => {
        const ids = waiting.value.map(({ id }) => id).filter((id) => shown.current.includes(id));
        const id = ids[(ids.indexOf(shown.current[at()] ?? "") + 1) % Math.max(1, ids.length)];
        if (id !== undefined) go(shown.current.indexOf(id), true);
      },
    });
  }, [set === null]);
}
