// How much shells print: as the daemon counted it, and what came since.

import { effect, untracked } from "@preact/signals";
import { position } from "./cursor";
import { densities, printed } from "./store";
import type { Cursor, Density, Printed } from "./wire";
import { bytes } from "./words";

/** As the daemon counts: an hour in slices of so many ms. */
const SLICE = 100_000;
const SLICES = 36;

const offsetOf = (cursor: Cursor): number => position(cursor).offset;

/** With what was printed since it was counted. */
export function grown(density: Density, { at, cursor }: Printed): Density {
  const more = offsetOf(cursor) - offsetOf(density.cursor);
  if (!(more > 0)) return density;
  const slice = Math.floor(Date.parse(at) / density.slice_ms);
  const passed = Math.max(0, slice - density.first - density.bytes.length + 1);
  const counts = [...density.bytes, ...Array<number>(Math.min(passed, density.bytes.length)).fill(0)];
  const kept = counts.slice(-density.bytes.length);
  const first = density.first + passed;
  const place = Math.max(0, slice - first);
  kept[place] = (kept[place] ?? 0) + more;
  return { ...density, first, bytes: kept, cursor };
}

/** Of a session that began since they were counted: nothing, until it prints. */
export function begun({ at }: Printed): Density {
  const first = Math.floor(Date.parse(at) / SLICE) - SLICES + 1;
  return { slice_ms: SLICE, first, bytes: Array<number>(SLICES).fill(0), cursor: "0:0" };
}

effect(() => {
  const known = densities.value;
  const now = new Map(known);
  for (const [id, last] of printed.value) now.set(id, grown(known.get(id) ?? begun(last), last));
  const changed = [...now].some(([id, density]) => density !== known.get(id));
  if (changed) untracked(() => (densities.value = now));
});

/** What a trace of it shows since `from`, as a sentence. */
export function densitySentence({ slice_ms: length, first, bytes: counts }: Density, from: number): string {
  const total = counts.reduce((sum, count, index) => ((first + index + 1) * length > from ? sum + count : sum), 0);
  return total === 0 ? "Last hour: nothing printed" : `Last hour: ${bytes(total)} printed`;
}
