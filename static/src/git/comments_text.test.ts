import { expect, it } from "vitest";
import type { Comment } from "../wire";
import { commentsText } from "./comments_text";

it("says of each comment where it is, what it is about and what it says", () => {
  const one = { path: "src/a.ts", from: 3, to: 4, quote: ["let a", ""], text: "Why?\nReally?" } as Comment;
  const other = { path: "b", from: 1, to: 1, quote: ["b"], text: "No." } as Comment;
  expect(commentsText([one, other])).toBe("src/a.ts:3-4\n> let a\n> \nWhy?\nReally?\n\nb:1\n> b\nNo.");
});

it("adds no lines of its own", () => {
  const one = { path: "a\nb", from: 1, to: 1, quote: ["c\r"], text: "Why?" } as Comment;
  expect(commentsText([one])).toBe("a<U+000A>b:1\n> c\nWhy?");
});
