import { type Signal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useId, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { useLocation } from "preact-iso";
import { type Grouping, GROUPINGS } from "../session_list";
import { home, live } from "../store";
import { useFrozen } from "../ui/frozen";
import { Icon } from "../ui/icon";
import { Path } from "../ui/path";
import { foreign, tilde } from "../words";
import type { Session } from "../wire";
import { BulkBar, RemoveEnded } from "./bulk";
import { fold, folded } from "./folded";
import { orderOf, useListKeys } from "./list_keys";
import { Row } from "./row";
import { longPress, Selection } from "./selection";

interface Props {
  wanted: readonly Session[];
  text: string;
  grouping: Grouping;
  clear: () => void;
}

export function List({ wanted, text, grouping, clear }: Props) {
  const list = useRef<HTMLDivElement>(null);
  const { shown, changed, update, hold } = useFrozen(wanted, list, GROUPINGS[grouping]);
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
  // In the order of the first of each.
  const groups = [...new Set(shown.map((row) => row.group))];
  const open = groups.flatMap((group) => (folded.value.has(group) ? [] : shown.filter((row) => row.group === group)));
  const tab = (open.find(({ session }) => session.id === stop.value) ?? open[0])?.session.id;
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
      {groups.map((group) => (
        <Rows
          key={group}
          group={group}
          folder={grouping === "directory"}
          sessions={shown.filter((row) => row.group === group).map((row) => row.session)}
          {...{ tab, selection, order, menu }}
        />
      ))}
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
  group: string;
  /** The group is a directory. */
  folder: boolean;
  sessions: readonly Session[];
  /** The row where Tab comes in. */
  tab: string | undefined;
  selection: Selection;
  order: () => readonly string[];
  menu: Signal<string | null>;
}

function Rows({ group, folder, sessions, tab, selection, order, menu }: RowsProps) {
  const { route } = useLocation();
  const isFolded = folded.value.has(group);
  const id = useId();
  return (
    <section aria-label={folder ? foreign(tilde(group, home.value)) : group}>
      <h2 class="group">
        <button class="fold" aria-expanded={!isFolded} aria-controls={id} onClick={() => fold(group, !isFolded)}>
          <Icon name={isFolded ? "right" : "down"} size={13} />
          {folder ? <Path path={group} /> : group} <small>{sessions.length}</small>
        </button>
        {group === "Ended" && <RemoveEnded of={sessions} />}
      </h2>
      <ul id={id} hidden={isFolded}>
        {!isFolded &&
          sessions.map((session) => (
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
