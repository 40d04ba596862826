import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Session } from "../wire";

/** After the pointer and the focus left, in ms. */
const REST = 2000;

/**
 * Nothing moves under the hand: while the pointer or the focus is in the list, its order stays as it was and its
 * rows change in place.
 */
export function useFrozen(wanted: readonly Session[], list: RefObject<HTMLElement | null>) {
  const order = useRef<readonly string[]>([]);
  const held = useRef({ pointer: false, until: 0 });
  const [, again] = useState(0);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);

  const ids = wanted.map((session) => session.id);
  // Asked of the page: an element that is removed does not say that the focus left it.
  const hasFocus = list.current?.contains(document.activeElement) === true;
  const frozen = held.current.pointer || hasFocus || Date.now() < held.current.until;
  if (!frozen) order.current = ids;
  const byId = new Map(wanted.map((session) => [session.id, session]));
  const shown = order.current.map((id) => byId.get(id)).filter((session) => session !== undefined);

  const update = (): void => {
    order.current = ids;
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
  // Rows that change their group would jump: the group is part of the order.
  const changed = shown.length !== wanted.length || shown.some((session, index) => session.id !== ids[index]);
  return { shown: changed && shown.length === 0 ? wanted : shown, changed: changed && frozen, update, hold };
}
