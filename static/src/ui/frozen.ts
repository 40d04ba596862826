import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Session } from "../wire";

/** After the pointer and the focus left, in ms. */
const REST = 2000;

/** A row of the list, in the group where it stands. */
export interface Placed {
  session: Session;
  group: string;
}

/**
 * Nothing moves under the hand: while the pointer or the focus is in the list, its rows stay where they are, each
 * in its group, and change in place.
 */
export function useFrozen(
  wanted: readonly Session[],
  list: RefObject<HTMLElement | null>,
  groupOf: (session: Session) => string,
) {
  const order = useRef<readonly Placed[]>([]);
  const held = useRef({ pointer: false, until: 0 });
  const grouped = useRef(groupOf);
  const [, again] = useState(0);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);

  const places = wanted.map((session) => ({ session, group: groupOf(session) }));
  // Asked of the page: an element that is removed does not say that the focus left it.
  const hasFocus = list.current?.contains(document.activeElement) === true;
  const frozen = held.current.pointer || hasFocus || Date.now() < held.current.until;
  // Whoever groups them in another way wants them to move.
  if (!frozen || grouped.current !== groupOf) order.current = places;
  grouped.current = groupOf;
  const byId = new Map(wanted.map((session) => [session.id, session]));
  const shown = order.current.flatMap(({ session: { id }, group }) => {
    const session = byId.get(id);
    return session ? [{ session, group }] : [];
  });

  const update = (): void => {
    order.current = places;
    again((count) => count + 1);
  };
  const leave = (): void => {
    held.current.until = Date.now() + REST;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => again((count) => count + 1), REST);
  };
  const hold = {
    onPointerEnter: (event: PointerEvent) => void (held.current.pointer = event.pointerType === "mouse"),
    onPointerLeave: () => {
      held.current.pointer = false;
      leave();
    },
    onFocusOut: leave,
  };
  const stands = ({ session, group }: Placed, index: number): boolean =>
    session.id === places[index]?.session.id && group === places[index].group;
  const changed = shown.length !== places.length || !shown.every(stands);
  return { shown: changed && shown.length === 0 ? places : shown, changed: changed && frozen, update, hold };
}
