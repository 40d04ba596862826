import { type Signal, useSignal } from "@preact/signals";
import { useMemo, useRef } from "preact/hooks";
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
