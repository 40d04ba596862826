// A moment of `make day`.

import { afterAll, beforeAll, expect, it } from "vitest";
import { Day } from "./day";

let day: Day;
beforeAll(async () => {
  day = await Day.begin(3, 1);
}, 120_000);
afterAll(() => day.close());

it("shows what real agents do, and answers them, on a desk and on a phone", async () => {
  const { wrong, complaints, prompts, answered, compared } = await day.passes(25, 5);
  expect(wrong).toEqual([]);
  expect(complaints).toEqual([]);
  expect([prompts > 3, answered > 0, compared]).toEqual([true, true, 15]);
});
