import type { Item, Subscription } from "../connection";
import { worded } from "../http";
import type { Screen } from "../terminal/screen";
import { toast } from "../toasts";
import { bytes, count } from "../words";

/** Shows what a subscription brings, and says what it brought after an absence. */
export function takeInto(screen: Screen, subscription: () => Subscription | null): (item: Item) => void {
  let missed = 0;
  let again = false;
  return (item) => {
    const subscribed = subscription();
    if (item.kind === "begun") again = item.again;
    if (item.kind === "begun" || item.kind === "keyframe") missed = 0;
    if (item.kind === "output" && again) missed += newlines(item.bytes);
    if (item.kind === "gap" && typeof item.lost === "object" && "bytes" in item.lost)
      toast({ text: `Skipped ${bytes(item.lost.bytes)} of output to catch up; scroll up to read it.`, icon: "clock" });
    if (item.kind === "failed") toast({ text: worded(item.problem).detail, bad: true });
    const offset = "at" in item ? item.at.offset : 0;
    screen.take(item, () => {
      if (item.kind === "output" || item.kind === "keyframe") subscribed?.consumed(offset);
      if (item.kind === "caught_up" && again) {
        again = false;
        if (missed > 0) toast({ text: `Caught up: ${count(missed, "new line")}.` });
      }
    });
  };
}

function newlines(bytes: Uint8Array): number {
  let found = 0;
  for (const byte of bytes) if (byte === 0x0a) found++;
  return found;
}
