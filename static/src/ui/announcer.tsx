import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { connection, now } from "../store";

const polite = signal("");
let last = 0;
let later: ReturnType<typeof setTimeout> | undefined;

/** Between two sentences, in ms: who listens shall not be flooded. */
const PAUSE = 5000;

/** Says something to screen readers; of several in a row the last. */
export function announce(text: string): void {
  clearTimeout(later);
  const wait = last + PAUSE - Date.now();
  const say = (): void => {
    last = Date.now();
    polite.value = text;
  };
  if (wait <= 0) say();
  else later = setTimeout(say, wait);
}

export function Announcer() {
  const link = connection.link.value;
  const lost = link.phase === "lost" && now.value - link.since > 5000;
  useEffect(() => {
    if (link.phase === "live") polite.value = "";
  }, [link.phase]);
  return (
    <>
      <div class="visually-hidden" role="status">
        {polite.value}
      </div>
      <div class="visually-hidden" role="alert">
        {lost ? "Connection lost" : ""}
      </div>
    </>
  );
}
