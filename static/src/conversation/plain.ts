import { visible } from "../words";

const LONGEST = 200;

/** Text of an agent on one line of moderate length. */
export function plain(text: string): string {
  const line = visible(text, () => " ").trim();
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}
