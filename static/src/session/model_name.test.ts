import { expect, it } from "vitest";
import { modelName } from "./model_name";

it("names a model as short as it is known beside its agent", () => {
  const models = [
    "claude-opus-4-8[1m]",
    "claude-haiku-4-5-20251001",
    "claude-haiku-4-5-20251001[1m]",
    "haiku",
    "gpt-6-luna",
    "claude-",
  ];
  expect(models.map((model) => modelName(model, "claude"))).toEqual([
    "opus-4-8[1m]",
    "haiku-4-5",
    "haiku-4-5[1m]",
    "haiku",
    "gpt-6-luna",
    "claude-",
  ]);
  expect(modelName("claude-opus-4-8-20251001")).toBe("claude-opus-4-8");
});
