// All differences in one stream; only what is near to be seen has elements.

import { useComputed } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { Heights } from "../ui/heights";
import { useObserved, useWindow } from "../ui/window";
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
  const rows = model.rows.value;
  const heights = useMemo(() => new Heights(LINE), [model]);
  const known = useRef<readonly Row[]>([]);

  const { top, bottom, range, observer, look, space } = useWindow(scroll, heights, BEYOND);

  useLayoutEffect(() => {
    const root = scroll.current;
    const before = known.current;
    known.current = rows;
    // The row at the top stays there, whatever changed above it.
    const index = root && before.length > 0 ? heights.at(root.scrollTop) : 0;
    const anchor = before[index];
    const inside = root && anchor ? root.scrollTop - heights.top(index) : 0;
    heights.carry(before, rows);
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
