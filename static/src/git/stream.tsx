// All differences in one stream; only what is near to be seen has elements.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { Heights } from "../conversation/heights";
import type { Model } from "./model";
import { RowView } from "./row_view";
import type { Row } from "./rows";

/** Rows are made so far beyond what is visible, in px. */
const BEYOND = 400;
/** What a row is high before it was measured, in px. */
const LINE = 20;

/** Scrolls the stream to a row. */
export interface Scroller {
  to: (key: string, block?: "start" | "nearest") => void;
}

export function Stream({ model, scroller }: { model: Model; scroller: { current: Scroller | null } }) {
  const scroll = useRef<HTMLDivElement>(null);
  const top = useRef<HTMLDivElement>(null);
  const bottom = useRef<HTMLDivElement>(null);
  const range = useSignal({ from: 0, to: 0 });
  const rows = model.rows.value;
  const heights = useMemo(() => new Heights(LINE), [model]);
  const known = useRef<readonly Row[]>([]);

  const look = (): void => {
    const root = scroll.current;
    if (!root || heights.count === 0) return;
    const from = heights.at(root.scrollTop - BEYOND);
    const to = heights.at(root.scrollTop + root.clientHeight + BEYOND) + 1;
    if (from !== range.value.from || to !== range.value.to) range.value = { from, to };
  };
  const space = (): void => {
    const { from, to } = range.value;
    top.current?.style.setProperty("height", `${heights.top(Math.min(from, heights.count))}px`);
    bottom.current?.style.setProperty("height", `${heights.total - heights.top(Math.min(to, heights.count))}px`);
  };
  const observer = useMemo(
    () =>
      new ResizeObserver((changed) => {
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
        // What one reads stays where it is.
        if (above !== 0) root.scrollTop += above;
        look();
      }),
    [heights],
  );
  useEffect(() => () => observer.disconnect(), [observer]);

  useLayoutEffect(() => {
    const root = scroll.current;
    const before = known.current;
    known.current = rows;
    // The row at the top stays there, whatever changed above it.
    const index = root && before.length > 0 ? heights.at(root.scrollTop) : 0;
    const anchor = before[index];
    const inside = root && anchor ? root.scrollTop - heights.top(index) : 0;
    heights.carry(
      before.map((row) => row.key),
      rows.map((row) => row.key),
    );
    if (range.value.to > rows.length) range.value = { from: 0, to: 0 };
    space();
    if (root && anchor && root.scrollTop > 0) {
      const now = rows.findIndex((row) => row.key === anchor.key);
      if (now >= 0) root.scrollTop = heights.top(now) + inside;
    }
    look();
  }, [rows]);
  useLayoutEffect(space);

  scroller.current = {
    to: (key, block = "nearest") => {
      const root = scroll.current;
      const index = known.current.findIndex((row) => row.key === key);
      if (!root || index < 0) return;
      const [start, end] = [heights.top(index), heights.top(index + 1)];
      if (block === "start" || start < root.scrollTop) root.scrollTop = start;
      else if (end > root.scrollTop + root.clientHeight) root.scrollTop = end - root.clientHeight;
      look();
    },
  };

  const { from, to } = range.value;
  return (
    <div class="scroll diff" ref={scroll} id="diff" tabIndex={0} role="region" aria-label="Differences" onScroll={look}>
      <div ref={top} />
      <div class="diff-rows">
        {rows.slice(from, to).map((row, index) => (
          <Measured key={row.key} number={from + index} observer={observer} current={model.at.value === row.key}>
            <RowView model={model} row={row} />
          </Measured>
        ))}
      </div>
      <div ref={bottom} />
    </div>
  );
}

function Measured({
  number,
  observer,
  current,
  children,
}: {
  number: number;
  observer: ResizeObserver;
  current: boolean;
  children: ComponentChildren;
}) {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const measured = element.current;
    if (!measured) return;
    observer.observe(measured);
    return () => observer.unobserve(measured);
  }, [observer]);
  return (
    <div class={current ? "diff-row current" : "diff-row"} data-number={number} ref={element}>
      {children}
    </div>
  );
}
