import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { History, Hit } from "../terminal/history";
import { isSame, rangeOf } from "../terminal/hits";
import { Icon } from "../ui/icon";
import { count } from "../words";
import type { Past } from "./past";

/** So long after the last letter older output is searched, in ms. */
const TYPING = 150;

/** A search through what is loaded first, then through all older output. */
function useSearch(past: Past) {
  const [text, setText] = useState(past.typed ?? "");
  // Signals: the next key may come before the page was drawn again.
  const hits = useSignal<readonly Hit[]>([]);
  const at = useSignal(0);
  const looking = useSignal<"idle" | "busy" | "none" | "failed">("idle");
  const latest = useRef(text);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  /** What was asked for last; an answer to something before it comes too late. */
  const asked = useRef(0);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      mark(null, null);
    },
    [],
  );

  const show = (found: readonly Hit[], index: number): void => {
    const hit = found[index];
    const { length } = latest.current;
    hits.value = found;
    at.value = index;
    const ranges = found
      .slice(0, 2000)
      .map((each) => rangeOf(each, length))
      .filter((range) => range !== null);
    mark(ranges, hit ? rangeOf(hit, length) : null);
    if (hit) past.history?.reveal(hit);
  };
  /** Looks in older or newer output, and shows the hit among what is loaded then. */
  const look = async (find: (history: History) => Promise<Hit | null>): Promise<void> => {
    const { history } = past;
    if (!history) return;
    const number = ++asked.current;
    looking.value = "busy";
    const hit = await find(history);
    if (number !== asked.current) return;
    looking.value = history.failed.value !== null ? "failed" : hit ? "idle" : "none";
    const all = history.find(latest.current);
    const index = hit ? all.findIndex((each) => isSame(each, hit)) : Math.min(at.value, all.length - 1);
    show(all, Math.max(0, index));
  };
  const older = (): Promise<void> => look((history) => history.findOlder(latest.current, hits.value[at.value]));
  const search = async (wanted: string): Promise<void> => {
    latest.current = wanted;
    setText(wanted);
    looking.value = "idle";
    clearTimeout(timer.current);
    const number = ++asked.current;
    const { history } = past;
    if (!history || !past.reading.value) return;
    await history.beginSearch();
    if (number !== asked.current) return;
    const found = history.find(wanted);
    show(found, 0);
    if (found.length > 0 || wanted.trim() === "") return;
    looking.value = "busy";
    timer.current = setTimeout(() => void older(), TYPING);
  };

  // What was typed while the output was loaded.
  const ready = past.reading.value;
  useEffect(() => {
    if (ready && latest.current !== "") void search(latest.current);
  }, [ready]);

  const step = async (by: number): Promise<void> => {
    const { history } = past;
    if (!history || text.trim() === "" || looking.value === "busy") return;
    const to = at.value + by;
    looking.value = "idle";
    if (to >= 0 && to < hits.value.length) return show(hits.value, to);
    if (by > 0) return history.hasOlder ? older() : void (looking.value = "none");
    if (!history.hasNewerHits) return show(hits.value, hits.value.length - 1);
    await look(() => history.findNewer(text));
  };

  /** Stays where the match is, if that is not on the live screen anyway. */
  const close = (): void => {
    if (hits.value.length > 0 && past.place.value?.below !== 0) past.searching.value = false;
    else past.toLive();
  };

  return { text, search, step, close, said: said() };

  function said(): string {
    if (text.trim() === "") return "";
    if (looking.value === "busy" || !ready) return "Searching older output…";
    if (looking.value === "failed") return "Older output could not be searched";
    if (hits.value.length === 0) return "No matches";
    const all = !past.history?.hasOlder && !past.history?.hasNewerHits;
    const shown = `${at.value + 1} of ${count(hits.value.length, "match", "matches")}`;
    return looking.value === "none" ? `${shown}, none older` : all ? shown : `${shown} in this part`;
  }
}

/** Searches everything that was printed. */
export function SearchBar({ past }: { past: Past }) {
  const { text, search, step, close, said } = useSearch(past);
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
        onInput={(event) => void search(event.currentTarget.value)}
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
      <button class="button ghost icon" aria-label="Close search" onClick={close}>
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
