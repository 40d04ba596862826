import { expect, it } from "vitest";
import { Prediction } from "./predict";

/** A terminal of one row, and a clock. */
function rig() {
  const at = { x: 2, y: 5, now: 0, row: "$ ".padEnd(20) };
  const grid = { x: () => at.x, y: () => at.y, cols: () => 20, cell: (x: number) => at.row[x] ?? "" };
  const prediction = new Prediction(grid, () => at.now);
  const echo = (text: string): void => {
    at.row = at.row.slice(0, at.x) + text + at.row.slice(at.x + text.length);
    at.x += text.length;
    prediction.changed();
  };
  const type = (text: string): void => [...text].forEach((letter) => prediction.typed(letter));
  const shown = (): string =>
    prediction
      .shown()
      .map(({ text }) => text)
      .join("");
  return { at, prediction, echo, type, shown };
}

it("shows what is typed once a letter was echoed where it was expected", () => {
  const { at, prediction, echo, type, shown } = rig();
  type("ls");
  expect(shown()).toBe("");
  at.now = 150;
  echo("l");
  expect(shown()).toBe("s");
  type(" -a");
  expect(shown()).toBe("s -a");
  expect(prediction.shown().map(({ x }) => x)).toEqual([3, 4, 5, 6]);
  echo("s -a");
  expect(shown()).toBe("");
});

it("shows nothing on a fast link", () => {
  const { at, echo, type, shown } = rig();
  type("ls");
  at.now = 5;
  echo("l");
  expect(shown()).toBe("");
});

it("shows nothing of a password", () => {
  const { at, prediction, echo, type, shown } = rig();
  type("su");
  at.now = 150;
  echo("s");
  expect(shown()).toBe("u");
  prediction.typed("\r");
  expect(shown()).toBe("");
  echo("u");
  [at.row, at.x, at.y] = ["Password: ".padEnd(20), 10, 6];
  prediction.changed();
  type("secret");
  expect(shown()).toBe("");
  at.now = 2000;
  prediction.changed();
  type("more");
  expect(shown()).toBe("");
});

it("takes back what was echoed otherwise, elsewhere or not at all", () => {
  for (const wrong of ["another letter", "another row", "nothing"]) {
    const { at, prediction, echo, type, shown } = rig();
    type("ab");
    at.now = 100;
    echo("a");
    expect(shown(), wrong).toBe("b");
    if (wrong === "another letter") echo("X");
    if (wrong === "another row") at.y++;
    if (wrong === "nothing") at.now = 1200;
    prediction.changed();
    expect(shown(), wrong).toBe("");
    type("c");
    expect(shown(), wrong).toBe("");
  }
});

it("waits at the edge, and for keys that are no letters", () => {
  const { at, echo, type, shown } = rig();
  type("a");
  at.now = 100;
  echo("a");
  type("bcdefghijklmnopqr");
  expect(shown()).toBe("");
  const again = rig();
  again.type("a");
  again.at.now = 100;
  again.echo("a");
  again.type("b\x1b[A");
  expect(again.shown()).toBe("");
});
