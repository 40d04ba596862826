// Many real agents for as long as one likes, two windows of a desk and a phone: `make day`.
//
// AGENTS        10; SECONDS 3600; SEED 1

import { afterAll, beforeAll, expect, it } from "vitest";
import { Day } from "./day";

const number = (name: string, usual: number): number => Number(process.env[name] ?? usual);
const [AGENTS, SECONDS] = [number("AGENTS", 10), number("SECONDS", 3600)];
const MIB = 1 << 20;

let day: Day;
beforeAll(async () => {
  day = await Day.begin(AGENTS, number("SEED", 1));
}, 300_000);
afterAll(() => day.close());

it(
  "stays as it was",
  async () => {
    const report = await day.passes(SECONDS, 100);
    const { prompts, answered, late, compared, wrong, complaints, sizes } = report;
    console.log(
      `${AGENTS} agents, ${SECONDS} s: ${prompts} prompts, ${answered} answered in a window, ${late} late; ${compared} compared`,
    );
    for (const [name, over] of Object.entries(sizes)) {
      const each = (of: (size: (typeof over)[number]) => number | string): string => over.map(of).join(" ");
      console.log(`${name}, MiB of heap: ${each(({ heap }) => (heap / MIB).toFixed(1))}`);
      console.log(`${name}, nodes: ${each(({ nodes }) => nodes)}`);
      console.log(`${name}, listeners: ${each(({ listeners }) => listeners)}`);
    }
    expect(wrong).toEqual([]);
    expect(complaints).toEqual([]);
    for (const over of Object.values(sizes)) {
      // What it remembers of sessions is bounded; a leak of each turn is not.
      const [early, last] = [over[2]!, over.at(-1)!];
      expect(last.heap).toBeLessThan(early.heap * 1.25 + 8 * MIB);
      expect(last.nodes).toBeLessThan(early.nodes * 1.5 + 5000);
      expect(last.listeners).toBeLessThan(early.listeners * 1.5 + 1000);
    }
  },
  (SECONDS + 300) * 1000,
);
