// @vitest-environment jsdom
import { expect, it } from "vitest";
import { aSession } from "../sample";
import { chosen, columns, moved, waitingOnes } from "./arrangement";

const session = (id: string, activity: "idle" | "waiting" = "idle", since = "2026-11-23T10:00:00Z") =>
  aSession({ id, activity, state_since: since });

it("puts a tile where another one is", () => {
  expect(moved(["a", "b", "c"], "a", "c")).toEqual(["b", "c", "a"]);
  expect(moved(["a", "b", "c"], "c", "a")).toEqual(["c", "a", "b"]);
  expect(moved(["a", "b"], "x", "a")).toEqual(["a", "b"]);
});

it("shows the newest to who has chosen none, and nothing that is gone", () => {
  const all = ["a", "b", "c", "d", "e"].map((id) => session(id));
  expect(chosen(null, all).map(({ id }) => id)).toEqual(["b", "c", "d", "e"]);
  expect(chosen(["e", "gone", "a"], all).map(({ id }) => id)).toEqual(["e", "a"]);
  expect(chosen([], all)).toEqual([]);
});

it("shows what waits, and moves no tile that one answers", () => {
  const all = [
    session("late", "waiting", "2026-11-23T10:05:00Z"),
    session("early", "waiting", "2026-11-23T10:01:00Z"),
    session("idle"),
  ];
  expect(waitingOnes(all, [], null).map(({ id }) => id)).toEqual(["early", "late"]);
  const answered = [session("early"), all[0] ?? session("x"), session("idle")];
  expect(waitingOnes(answered, ["early", "late"], "early").map(({ id }) => id)).toEqual(["early", "late"]);
});

it("has two or three columns", () => {
  expect([1, 2, 4, 5, 9].map(columns)).toEqual([1, 2, 2, 3, 3]);
});
