import "../styles/paste.css";
import { ask } from "../ask";
import { linesOf } from "../terminal/paste";
import { bytes, count, visible } from "../words";

/** So many lines are shown, and so much of each. */
const LINES = 6;
const LETTERS = 200;

/** Asks before a text goes to a program that takes it for typing. */
export function askToPaste(text: string, paste: () => void): void {
  const lines = linesOf(text);
  const several = lines.length > 1;
  const first = lines.slice(0, LINES).map((line) => visible(line.slice(0, LETTERS)));
  const more = lines.length - first.length;
  ask({
    title: `Paste ${several ? count(lines.length, "line") : bytes(new Blob([text]).size)}?`,
    text: (
      <>
        {several ? "The program runs each line." : "The program reads it as if you typed it."}
        <code class="pasted">{first.join("\n")}</code>
        {more > 0 && <span class="meta">and {count(more, "more line", "more lines")}</span>}
      </>
    ),
    verb: "Paste",
    confirms: true,
    run: async () => paste(),
  });
}
