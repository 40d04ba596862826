// @vitest-environment jsdom
import { expect, it, vi } from "vitest";
import type { Hunk } from "../wire";
import { colourBlocks, colourHunk, coloursOf, languageOfFile, lines, slice } from "./code";
import { languageOf, markdown } from "./markdown";

it("colours blocks of code without making HTML of it", async () => {
  const root = document.createElement("div");
  root.append(
    markdown(
      '```ts\nconst a = "<img src=x onerror=alert(1)>";\n```\n\n```\nplain\n```\n\n`const`\n\n<pre><code class="language-js app">let b</code></pre>',
    ),
  );
  const before = root.textContent;
  colourBlocks(root, languageOf);
  await vi.waitFor(() => expect(root.querySelectorAll(".syn-key")).toHaveLength(2));
  expect(root.textContent).toBe(before);
  expect(root.querySelector(".syn-str")?.textContent).toBe('"<img src=x onerror=alert(1)>"');
  expect(root.querySelectorAll("img, [class^=language], .app")).toHaveLength(0);
});

it("colours what was and what is apart", async () => {
  const hunk: Hunk = { old_start: 1, new_start: 1, lines: [" /* one", "-two */ let a;", "+three", " let b; */"] };
  await new Promise<void>((done) => colourHunk(hunk, languageOfFile("/src/a.TS"), done));
  const kinds = coloursOf(hunk)?.map((line) => line.find(([text]) => /let|three/.test(text))?.[1]);
  // Before, the comment ended in the second line; since, it goes on.
  expect(kinds).toEqual([undefined, "key", "com", "com"]);
  expect(coloursOf(hunk)?.map((line) => line.map(([text]) => text).join(""))).toEqual(
    hunk.lines.map((line) => line.slice(1)),
  );
});

it("knows a file by its name", () => {
  expect(["src/main.rs", "Makefile", "a/b.d/Dockerfile", "x.tar.GZ"].map(languageOfFile)).toEqual([
    "rs",
    "makefile",
    "dockerfile",
    "gz",
  ]);
});

it("cuts runs", () => {
  expect(
    lines([
      ["a\nb", "str"],
      ["c", null],
    ]),
  ).toEqual([
    [["a", "str"]],
    [
      ["b", "str"],
      ["c", null],
    ],
  ]);
  expect(
    slice(
      [
        ["abc", "str"],
        ["def", null],
      ],
      1,
      4,
    ),
  ).toEqual([
    ["bc", "str"],
    ["d", null],
  ]);
});
