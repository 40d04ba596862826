import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Hit } from "../terminal/history";
import { Icon } from "../ui/icon";
import { count } from "../words";
import type { Past } from "./past";

/** A search through what is loaded first, then older and older output. */
function useSearch(past: Past) {
  const [text, setText] = useState(past.typed ?? "");
  const [hits, setHits] = useState<readonly Hit[]>([]);
  const [at, setAt] = useState(0);
  const [looking, setLooking] = useState<"idle" | "busy" | "none">("idle");
  const latest = useRef(text);
  useEffect(() => () => mark(null, null), []);

  const show = (found: readonly Hit[], index: number, wanted = text): void => {
    const hit = found[index];
    setHits(found);
    setAt(index);
    const { history } = past;
    if (!history) return;
    const ranges = found
      .slice(0, 2000)
      .map((each) => history.rangeOf(each, wanted.length))
      .filter((range) => range !== null);
    mark(ranges, hit ? history.rangeOf(hit, wanted.length) : null);
    if (hit) history.reveal(hit);
  };
  const search = (wanted: string): void => {
    latest.current = wanted;
    setText(wanted);
    setLooking("idle");
    show(past.history?.find(wanted) ?? [], 0, wanted);
  };

  // What was typed while the output was loaded.
  const ready = past.reading.value;
  useEffect(() => {
    if (ready && latest.current !== "") search(latest.current);
  }, [ready]);

  const step = async (by: number): Promise<void> => {
    const { history } = past;
    if (!history || text === "") return;
    const to = at + by;
    if (to >= 0 && to < hits.length) return show(hits, to);
    if (by < 0 || !history.hasOlder) return show(hits, by < 0 ? hits.length - 1 : 0);
    setLooking("busy");
    const older = await history.findOlder(text);
    // Something else may be wanted by now.
    if (latest.current !== text) return;
    setLooking(older.length > 0 ? "idle" : "none");
    // Newer pieces may have been let go meanwhile.
    const all = history.find(text);
    show(all, older.length > 0 ? all.length - older.length : Math.max(0, Math.min(at, all.length - 1)));
  };

  const said =
    text === ""
      ? ""
      : looking === "busy" || !ready
        ? "Searching older output…"
        : hits.length === 0
          ? looking === "none"
            ? "No matches"
            : "No match in loaded output; Enter searches older output"
          : `${at + 1} of ${count(hits.length, "match", "matches")}`;
  return { text, search, step, said };
}

/** Searches everything that was printed. */
export function SearchBar({ past }: { past: Past }) {
  const { text, search, step, said } = useSearch(past);
  const field = useRef<HTMLInputElement>(null);
  // From here on the keys come to it by themselves.
  useLayoutEffect(() => {
    field.current?.focus();
    past.typed = null;
  }, []);
  return (
    <div class="search-bar" role="search">
      <Icon name="search" />
      <input
        ref={field}
        aria-label="Search output"
        placeholder="Search output"
        value={text}
        onInput={(event) => search(event.currentTarget.value)}
        onKeyDown={(event) => {
          event.stopPropagation();
          if (event.key === "Escape") past.toLive();
          if (event.key === "Enter") void step(event.shiftKey ? -1 : 1);
        }}
      />
      <span class="meta" role="status">
        {said}
      </span>
      <button class="button ghost icon" aria-label="Older match" onClick={() => void step(1)}>
        <Icon name="up" />
      </button>
      <button class="button ghost icon" aria-label="Newer match" onClick={() => void step(-1)}>
        <Icon name="down" />
      </button>
      <button class="button ghost icon" aria-label="Close search" onClick={past.toLive}>
        <Icon name="close" />
      </button>
    </div>
  );
}

/** Marks without touching the page, where the browser can. */
function mark(ranges: readonly Range[] | null, current: Range | null): void {
  if (!("highlights" in CSS)) return;
  CSS.highlights.delete("hit");
  CSS.highlights.delete("hit-current");
  if (ranges) CSS.highlights.set("hit", new Highlight(...ranges));
  if (current) CSS.highlights.set("hit-current", new Highlight(current));
}
