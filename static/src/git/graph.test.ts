import { expect, test } from "vitest";
import type { GitCommit } from "../wire";
import { lanesOf } from "./graph";

const commit = (id: string, ...parents: string[]): GitCommit => ({
  id,
  parents,
  summary: "",
  author: "",
  at: "",
  refs: [],
});

test("a line of commits has one lane", () => {
  expect(lanesOf([commit("c", "b"), commit("b", "a"), commit("a")]).map((node) => [node.lane, node.width])).toEqual([
    [0, 1],
    [0, 1],
    [0, 1],
  ]);
});

test("a merge opens a lane, and the fork closes it", () => {
  const nodes = lanesOf([commit("m", "b", "x"), commit("b", "a"), commit("x", "a"), commit("a")]);
  expect(nodes.map((node) => node.lane)).toEqual([0, 0, 1, 0]);
  expect(nodes[0]?.edges).toEqual([
    [0, 0],
    [0, 1],
  ]);
  expect(nodes[2]?.edges).toContainEqual([1, 0]);
});

test("a branch that begins apart has a lane of its own until its parent comes", () => {
  const nodes = lanesOf([commit("x", "a"), commit("b", "a"), commit("a")]);
  expect(nodes.map((node) => node.lane)).toEqual([0, 1, 0]);
});
