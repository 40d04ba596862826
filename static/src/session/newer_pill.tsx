import { count } from "../words";
import type { Past } from "./past";

/** How much is below what one reads, and the way back. */
export function NewerPill({ past }: { past: Past }) {
  const place = past.place.value;
  return (
    place && (
      <div class="newer-pill">
        {place.below !== null && place.below > 0 && <span>{count(place.below, "newer line")}</span>}
        <button class="button primary" onClick={past.toLive}>
          Back to live <kbd>End</kbd>
        </button>
      </div>
    )
  );
}
