/** What a model is called beside its agent's name: without the vendor's prefix and the day. */
export function modelName(model: string, vendor = ""): string {
  const prefix = vendor === "" ? "" : `${vendor}-`;
  const own = model.length > prefix.length && model.startsWith(prefix) ? model.slice(prefix.length) : model;
  return own.replace(/-20\d{6}(?=$|\[)/, "");
}
