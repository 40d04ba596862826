// How much a page keeps, as the browser counts it after its garbage was collected.

import type { CDPSession } from "playwright-core";

export interface PageSize {
  /** Bytes. */
  heap: number;
  /** Also those that are kept and in no page any more. */
  nodes: number;
  listeners: number;
}

export async function pageSize(devtools: CDPSession): Promise<PageSize> {
  await devtools.send("Performance.enable");
  await devtools.send("HeapProfiler.collectGarbage");
  const { metrics } = await devtools.send("Performance.getMetrics");
  const of = (wanted: string): number => metrics.find(({ name }) => name === wanted)?.value ?? NaN;
  return { heap: of("JSHeapUsedSize"), nodes: of("Nodes"), listeners: of("JSEventListeners") };
}
