import { expect, it } from "vitest";
import { plain } from "./plain";

it("shows texts of agents on one line, with nothing hidden", () => {
  expect(plain("a\u001b[31mb\u202ec\nd")).toBe("a [31mb c d");
  expect(plain("x".repeat(500))).toHaveLength(201);
});
