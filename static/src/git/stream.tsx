// All differences in one stream; only what is near to be seen has elements.

import { useComputed } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { Heights } from "../ui/heights";
import { useObserved, useWindow } from "../ui/window";
import type { Model } from "./model";
import { RowView } from "./row_view";
import type { Row } from "./rows";

/** Rows are made so far beyond what is visible, in px. */
const BEYOND = 520;
/** What is not there yet is loaded so many rows before it is seen. */
const AHEAD = 60;
/** What a row is high before it was measured, in px. */
const LINE = 20;

/** Scrolls the stream to a row. */
export interface Scroller {
  to: (key: string, block?: "start" | "nearest") => void;
}

export function Stream({ model, scroller }: { model: Model; scroller: { current: Scroller | null } }) {
  const scroll = useRef<HTMLDivElement>(null);
  const rows = model.rows.value;
  const heights = useMemo(() => new Heights(LINE), [model]);
  const known = useRef<readonly Row[]>([]);

  // Whoever scrolls fast comes to lines, not to what stands behind them.
  const need = (_: number, to: number): void => {
    for (const row of known.current.slice(to, to + AHEAD)) if (row.kind === "load") model.loadMore(row.item, false);
  };
  const { top, bottom, range, observer, seen, look, show, space } = useWindow(scroll, heights, BEYOND, { need });

  useLayoutEffect(() => {
    const root = scroll.current;
    const before = known.current;
    known.current = rows;
    if (!root) return;
    // The row at the top stays there, whatever changed above it.
    const at = seen.current.top;
    const index = before.length > 0 ? heights.at(at) : 0;
    const anchor = at > 0 ? before[index] : undefined;
    const inside = at - heights.top(index);
    heights.carry(before, rows);
    if (range.value.to > rows.length) range.value = { from: 0, to: 0 };
    space();
    const now = anchor ? rows.findIndex((row) => row.key === anchor.key) : -1;
    const to = now < 0 ? at : heights.top(now) + inside;
    if (to === at && before.length > 0 && heights.total >= at + seen.current.height) return show();
    root.scrollTop += to - at;
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
          <Measured key={row.key} model={model} row={row} number={from + index} observer={observer} />
        ))}
      </div>
      <div ref={bottom} />
    </div>
  );
}

/** Drawn again only when its row is another one, or becomes the current one. */
function Measured({
  model,
  row,
  number,
  observer,
}: {
  model: Model;
  row: Row;
  number: number;
  observer: ResizeObserver;
}) {
  const element = useObserved<HTMLDivElement>(observer);
  const current = useComputed(() => model.at.value === row.key);
  return (
    <div class={current.value ? "diff-row current" : "diff-row"} data-number={number} ref={element}>
      <RowView model={model} row={row} />
    </div>
  );
}
