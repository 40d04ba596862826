/** What a model is called beside its agent's name: without the vendor's prefix and the day. */
export function modelName(model: string): string {
  return model.replace(/^claude-(?=.)/, "").replace(/-20\d{6}(?=$|\[)/, "");
}
