/** A word as a shell gives it on: what it would expand is quoted, also where only some shells would. */
export function quoted(word: string): string {
  return /^[\w@%+:,./-](?:[\w@%+:,./=-]|(?<=[\w./-])~)*$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
