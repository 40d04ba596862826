// The keys of a stream of differences.

import { useEffect } from "preact/hooks";
import type { DiffLine } from "../wire";
import { bind } from "../shortcuts";
import { verbOf, type Model } from "./model";
import { askDiscard } from "./row_view";
import type { Row } from "./rows";
import { split } from "./shown";
import type { Scroller } from "./stream";

export function useKeys(model: Model, scroller: { current: Scroller | null }, on = true): void {
  useEffect(() => {
    if (!on) return;
    const rows = (): readonly Row[] => model.rows.value;
    const index = (): number => rows().findIndex((row) => row.key === model.at.value);
    const go = (row: Row | undefined): void => {
      if (!row) return;
      model.at.value = row.key;
      scroller.current?.to(row.key, row.kind === "file" ? "start" : "nearest");
    };
    const next = (kinds: readonly Row["kind"][], step: 1 | -1, fits: (row: Row) => boolean = () => true): void => {
      const all = rows();
      for (let at = index() + step; at >= 0 && at < all.length; at += step) {
        const row = all[at];
        if (row && kinds.includes(row.kind) && fits(row)) return go(row);
      }
    };
    const current = (): Row | undefined => rows()[index()];
    const lineOf = (row: Row | undefined): DiffLine | null =>
      row?.kind === "line" ? row.line : row?.kind === "pair" ? (row.pair.right ?? row.pair.left) : null;
    const toggle = (wanted?: "stage" | "unstage") => (): void => {
      const row = current();
      const item = model.chosen.value
        ? model.items.value.find((each) => each.key === model.chosen.value?.key)
        : row?.item;
      if (!item || (wanted && verbOf(item) !== wanted)) return;
      if (model.chosen.value) return model.toggleLines();
      if (row?.kind === "hunk") model.toggleHunk(row.item, row.hunk);
      else if (row?.kind === "file") model.toggleFiles([row.item]);
      else if (row && lineOf(row) && model.verb(row.item, true)) {
        model.pick(row.item, lineOf(row)!, false);
        model.toggleLines();
      }
    };
    const lines: readonly Row["kind"][] = ["line", "pair"];
    return bind("git", {
      j: () => next(["hunk"], 1),
      k: () => next(["hunk"], -1),
      n: () => next(["file"], 1),
      p: () => next(["file"], -1),
      "]": () => next(["file"], 1, (row) => row.kind === "file" && !model.isViewed(row.item)),
      ArrowDown: () => next([...lines, "hunk"], 1),
      ArrowUp: () => next([...lines, "hunk"], -1),
      " ": toggle(),
      s: toggle("stage"),
      u: toggle("unstage"),
      v: () => {
        const row = current();
        const line = lineOf(row);
        if (row && line && (line.old === null || line.new === null)) model.pick(row.item, line, false);
      },
      d: () => {
        const row = current();
        if (row?.kind === "hunk") askDiscard(model, row.item, row.hunk);
        else if (row?.kind === "file") askDiscard(model, row.item);
      },
      x: () => {
        const row = current();
        if (row) model.view(row.item);
      },
      z: () => void model.restore(),
      c: () => {
        const row = current();
        const line = lineOf(row);
        if (row && line) model.write(row.item, line);
        else if (row?.kind === "hunk")
          model.write(row.item, row.hunk.lines.find((each) => each.new !== null) ?? row.hunk.lines[0]!);
      },
      t: () => (split.value = !split.value),
      Enter: () => {
        const row = current();
        if (row?.kind === "file") model.fold(row.item);
        else if (row?.kind === "fold") void model.unfold(row.item, row.from, row.to);
      },
      "/": () => document.getElementById("git-search")?.focus(),
      "⌘Enter": () => void model.sendReview(),
    });
  }, [model, on]);
}
