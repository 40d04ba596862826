// Which keys answer what a program asks on its screen.

/** One of numbered options: "❯ 1. Yes". */
const OPTION = /^[\s│|]*([❯›>*]?)\s*([1-9])[.)]\s+\S/;
const YES_OR_NO = /[[(]y(es)?\/n(o)?[\])]|\by\/n\b/i;
/** A question is so near to the cursor, in rows. */
const NEAR = 2;

/**
 * The keys, in their order: digits of a numbered dialog, y and n; none where nothing is asked. `cursor` is the cursor's row.
 * Only a program that waits asks with numbers alone: others have lists, too, and mark no line of them.
 */
export function answersOn(rows: readonly string[], cursor: number, waits: boolean): string {
  const numbered = lastOptions(rows);
  if (numbered.last > 1 && (waits || numbered.marked)) return "123456789".slice(0, numbered.last);
  if (rows.slice(Math.max(0, cursor - NEAR), cursor + 1).some((row) => YES_OR_NO.test(row))) return "yn";
  return waits ? "yn123" : "";
}

/** The options that are lowest on the screen: as many as are counted from 1 on, and whether one of them is marked. */
function lastOptions(rows: readonly string[]): { last: number; marked: boolean } {
  let found = { last: 0, marked: false };
  for (const row of rows) {
    const [, mark, digit] = OPTION.exec(row) ?? [];
    if (digit === undefined) continue;
    const number = Number(digit);
    if (number === 1) found = { last: 1, marked: mark !== "" };
    else if (number === found.last + 1) found = { last: number, marked: found.marked || mark !== "" };
  }
  return found;
}
