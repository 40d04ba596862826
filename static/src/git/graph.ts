// The lanes of a log: which line of development each commit stands on.

import type { GitCommit } from "../wire";

export interface Node {
  /** The lane of the commit. */
  lane: number;
  /** Lanes that go on from the row above into this one, and where they go below: pairs of lanes. */
  edges: readonly (readonly [from: number, to: number])[];
  /** How many lanes the row has. */
  width: number;
}

/** Commits come newest first. A lane waits for the parent that it leads to. */
export function lanesOf(commits: readonly GitCommit[]): Node[] {
  let lanes: (string | null)[] = [];
  return commits.map((commit) => {
    let lane = lanes.indexOf(commit.id);
    if (lane < 0) lane = free(lanes);
    const before = [...lanes];
    before[lane] = commit.id;
    // Every lane that waited for this commit ends in it.
    const after = before.map((waiting) => (waiting === commit.id ? null : waiting));
    const edges: [number, number][] = [];
    commit.parents.forEach((parent, index) => {
      let to = after.indexOf(parent);
      if (to < 0) {
        to = index === 0 ? lane : free(after);
        after[to] = parent;
      }
      edges.push([lane, to]);
    });
    before.forEach((waiting, from) => {
      if (waiting === null || waiting === undefined) return;
      if (waiting === commit.id) {
        if (from !== lane) edges.push([from, lane]);
      } else edges.push([from, from]);
    });
    while (after.length > 0 && after.at(-1) == null) after.pop();
    lanes = after;
    return { lane, edges, width: Math.max(before.length, after.length, lane + 1) };
  });
}

function free(lanes: readonly (string | null)[]): number {
  const found = lanes.findIndex((waiting) => waiting == null);
  return found < 0 ? lanes.length : found;
}
