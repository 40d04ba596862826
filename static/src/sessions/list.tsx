import { type Signal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { useLocation } from "preact-iso";
import { type Group, GROUPS } from "../session_list";
import { live } from "../store";
import { useFrozen } from "../ui/frozen";
import type { Session } from "../wire";
import { BulkBar, RemoveEnded } from "./bulk";
import { orderOf, useListKeys } from "./list_keys";
import { Row } from "./row";
import { longPress, Selection } from "./selection";

interface Props {
  wanted: readonly Session[];
  text: string;
  clear: () => void;
}

export function List({ wanted, text, clear }: Props) {
  const list = useRef<HTMLDivElement>(null);
  const { shown, changed, update, hold } = useFrozen(wanted, list);
  const selection = useMemo(() => new Selection(), []);
  /** The session whose menu is open. */
  const menu = useSignal<string | null>(null);
  /** The row where Tab comes in: the one that had the focus. */
  const stop = useSignal<string | null>(null);
  useListKeys(list, selection, menu);
  useFocusKept(list, shown.map(({ session }) => session.id).join(" "));
  const press = useMemo(() => longPress((row) => selection.toggle(idOf(row))), []);
  if (wanted.length === 0) return <NoMatch text={text} clear={clear} />;
  const order = (): string[] => orderOf(list.current);
  const tab = shown.find(({ session }) => session.id === stop.value)?.session.id ?? first(shown);
  const selecting = selection.ids.value.size > 0;
  return (
    <div
      class={`scroll list${live.value ? "" : " drained"}${selecting ? " selecting" : ""}`}
      ref={list}
      {...hold}
      {...press}
      onFocusIn={(event) => {
        const row = (event.target as Element).closest<HTMLElement>(".row");
        if (row) stop.value = idOf(row);
      }}
    >
      <Columns />
      {changed && (
        <button class="button order-pill" onClick={update}>
          Order changed · Update
        </button>
      )}
      {GROUPS.map((group) => {
        const rows = shown.filter((row) => row.group === group).map((row) => row.session);
        return (
          rows.length > 0 && <Rows key={group} group={group} sessions={rows} {...{ tab, selection, order, menu }} />
        );
      })}
      <BulkBar selection={selection} order={order} />
    </div>
  );
}

/** When the row that has the focus leaves the list, the one that took its place has it. */
function useFocusKept(list: RefObject<HTMLElement | null>, rows: string): void {
  const last = useRef<{ id: string | undefined; at: number }>({ id: undefined, at: -1 });
  useLayoutEffect(() => {
    const note = (): void => {
      const row = document.activeElement?.closest<HTMLElement>(".row");
      // A dialog over the list gives the focus back.
      if (!row && document.querySelector("dialog[open]")) return;
      const id = row && list.current?.contains(row) ? idOf(row) : undefined;
      last.current = { id, at: id === undefined ? -1 : orderOf(list.current).indexOf(id) };
    };
    document.addEventListener("focusin", note);
    return () => document.removeEventListener("focusin", note);
  }, []);
  useLayoutEffect(() => {
    const { id, at } = last.current;
    if (id === undefined || orderOf(list.current).includes(id)) return;
    const give = (): void => {
      const links = list.current?.querySelectorAll<HTMLElement>(".row-link") ?? [];
      if (document.activeElement?.matches("body, main")) links[Math.min(at, links.length - 1)]?.focus();
    };
    const dialog = document.querySelector("dialog[open]");
    if (dialog) dialog.addEventListener("close", give, { once: true });
    else give();
  }, [rows]);
}

interface RowsProps {
  group: Group;
  sessions: readonly Session[];
  /** The row where Tab comes in. */
  tab: string | undefined;
  selection: Selection;
  order: () => readonly string[];
  menu: Signal<string | null>;
}

function Rows({ group, sessions, tab, selection, order, menu }: RowsProps) {
  const { route } = useLocation();
  return (
    <section aria-label={group}>
      <h2 class="group">
        {group} <small>{sessions.length}</small>
        {group === "Ended" && <RemoveEnded of={sessions} />}
      </h2>
      <ul>
        {sessions.map((session) => (
          <Row
            key={session.id}
            session={session}
            tab={session.id === tab}
            selected={selection.ids.value.has(session.id)}
            select={(range) => selection.toggle(session.id, range ? order() : undefined)}
            selecting={selection.ids.value.size > 0}
            open={() => route(`/sessions/${session.id}`)}
            menu={menu.value === session.id}
            onMenu={(shown) => {
              if (shown) menu.value = session.id;
              else if (menu.value === session.id) menu.value = null;
            }}
          />
        ))}
      </ul>
    </section>
  );
}

const idOf = (row: HTMLElement): string => row.querySelector<HTMLElement>(".row-link")?.dataset["session"] ?? "";

/** As the groups stand, not as the rows were ordered when they were placed. */
function first(shown: readonly { session: Session; group: string }[]): string | undefined {
  for (const group of GROUPS) {
    const row = shown.find((each) => each.group === group);
    if (row) return row.session.id;
  }
  return undefined;
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
