// The part of a long list that is near to be seen: only its entries have elements.

import { type Signal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { Heights } from "./heights";

/** The first entry that has an element, and the one behind the last. */
interface Range {
  from: number;
  to: number;
}

interface Seen {
  top: number;
  height: number;
}

export interface Window {
  /** Empty elements, as high as what is left out before and behind. */
  top: RefObject<HTMLDivElement | null>;
  bottom: RefObject<HTMLDivElement | null>;
  range: Signal<Range>;
  /** Watches every entry's element, which has the entry's number in `data-number`. */
  observer: ResizeObserver;
  /** What is seen of it, in px from its start: as it was when one looked last. To ask the element lays the page out. */
  seen: RefObject<Seen>;
  /** To be called when it was scrolled or the list changed. */
  look: () => void;
  /** The same, when it was not scrolled since. */
  show: () => void;
  /** To be called when the elements changed. */
  space: () => void;
}

/**
 * `beyond`: entries have elements so far beyond what is visible, in px. `need` hears which entries may be seen soon. `pinned` scrolls
 * to where the list is held, and says whether it is; otherwise what one reads stays where it is.
 */
export function useWindow(
  scroll: RefObject<HTMLDivElement | null>,
  heights: Heights,
  beyond: number,
  { need, pinned }: { need?: (from: number, to: number) => void; pinned?: () => boolean } = {},
): Window {
  const top = useRef<HTMLDivElement>(null);
  const bottom = useRef<HTMLDivElement>(null);
  const range = useSignal<Range>({ from: 0, to: 0 });
  const seen = useRef<Seen>({ top: 0, height: 0 });

  const look = (): void => {
    const root = scroll.current;
    if (!root) return;
    seen.current = { top: root.scrollTop, height: root.clientHeight };
    show();
  };
  const show = (): void => {
    if (heights.count === 0) return;
    const { top, height } = seen.current;
    const around = (px: number): Range => ({ from: heights.at(top - px), to: heights.at(top + height + px) + 1 });
    const [least, most] = [around(beyond / 2), around(beyond)];
    need?.(most.from, most.to);
    // Some entries at once, now and then: what an update costs beside them is paid in few frames.
    const now = range.value;
    const holds = (one: Range, other: Range): boolean => one.from <= other.from && one.to >= other.to;
    if (!holds(now, least) || !holds(around(2 * beyond), now)) range.value = most;
  };
  const space = (): void => {
    // The list may be shorter now than it was when one looked.
    const from = heights.top(Math.min(range.value.from, heights.count));
    const to = heights.top(Math.min(range.value.to, heights.count));
    top.current?.style.setProperty("height", `${from}px`);
    bottom.current?.style.setProperty("height", `${heights.total - to}px`);
  };
  const measure = (changed: readonly ResizeObserverEntry[]): void => {
    const root = scroll.current;
    if (!root) return;
    let above = 0;
    for (const { target, borderBoxSize } of changed) {
      const index = Number((target as HTMLElement).dataset["number"]);
      const height = borderBoxSize[0]?.blockSize ?? 0;
      if (height === 0) continue;
      const isAbove = heights.top(index + 1) <= root.scrollTop;
      const more = heights.measure(index, height);
      if (isAbove) above += more;
    }
    space();
    if (!pinned?.() && above !== 0) root.scrollTop += above;
    look();
  };
  const observer = useMemo(() => new ResizeObserver(measure), [heights]);
  useEffect(() => () => observer.disconnect(), [observer]);
  useEffect(() => {
    const root = scroll.current;
    if (!root) return;
    const size = new ResizeObserver(look);
    size.observe(root);
    return () => size.disconnect();
  }, [heights]);
  return { top, bottom, range, observer, seen, look, show, space };
}

/** For the element of one entry. */
export function useObserved<E extends Element>(observer: ResizeObserver): RefObject<E | null> {
  const element = useRef<E>(null);
  useLayoutEffect(() => {
    const observed = element.current;
    if (!observed) return;
    observer.observe(observed);
    return () => observer.unobserve(observed);
  }, [observer]);
  return element;
}
