import { useEffect, useRef, useState } from "preact/hooks";
import type { RefObject } from "preact";
import type { History, Hit } from "../terminal/history";
import { Icon } from "../ui/icon";
import { count } from "../words";

/** Searches everything that was printed: what is loaded first, then older and older. */
export function SearchBar({ history, close }: { history: RefObject<History | null>; close: () => void }) {
  const [text, setText] = useState("");
  const [hits, setHits] = useState<readonly Hit[]>([]);
  const [at, setAt] = useState(0);
  const [looking, setLooking] = useState<"idle" | "busy" | "none">("idle");
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  useEffect(() => () => mark(null, null), []);

  const show = (found: readonly Hit[], index: number, wanted = text): void => {
    const hit = found[index];
    setHits(found);
    setAt(index);
    const past = history.current;
    if (!past) return;
    const ranges = found
      .slice(0, 2000)
      .map((each) => past.rangeOf(each, wanted.length))
      .filter((range) => range !== null);
    mark(ranges, hit ? past.rangeOf(hit, wanted.length) : null);
    if (hit) past.reveal(hit);
  };
  const search = (wanted: string): void => {
    setText(wanted);
    setLooking("idle");
    show(history.current?.find(wanted) ?? [], 0, wanted);
  };

  const step = async (by: number): Promise<void> => {
    const past = history.current;
    if (!past || text === "") return;
    const to = at + by;
    if (to >= 0 && to < hits.length) return show(hits, to);
    if (by < 0 || !past.hasOlder) return show(hits, by < 0 ? hits.length - 1 : 0);
    setLooking("busy");
    const older = await past.findOlder(text);
    // Something else may be wanted by now.
    if (field.current?.value !== text) return;
    setLooking(older.length > 0 ? "idle" : "none");
    // Newer pieces may have been let go meanwhile.
    const all = past.find(text);
    show(all, older.length > 0 ? all.length - older.length : Math.max(0, Math.min(at, all.length - 1)));
  };

  const said =
    text === ""
      ? ""
      : looking === "busy"
        ? "Searching older output…"
        : hits.length === 0
          ? looking === "none"
            ? "Nothing"
            : "Not in what is loaded; Enter looks further"
          : `${at + 1} of ${count(hits.length, "match", "matches")}`;
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
          if (event.key === "Escape") close();
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
      <button class="button ghost icon" aria-label="Close the search" onClick={close}>
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
