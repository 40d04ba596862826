import type { Density, Session } from "../wire";
import { densitySentence } from "../density";
import { densities, now, traces } from "../store";
import { BARS, traceSentence, within } from "../trace_words";

const WIDTH = 108;
const HEIGHT = 16;
const HOUR = 3_600_000;

/** Under what a shell printed: it ran. */
const GROUND = { y: 15, height: 1 };

/** How much a shell printed in each slice of time, on a logarithmic scale: 1 B, 1 kB and 1 MB are 2, 8 and 14 px high. */
function Bars({ density, from, x }: { density: Density; from: number; x: (time: number) => number }) {
  const { slice_ms: length, first } = density;
  return (
    <>
      {density.bytes.map((bytes, index) => {
        const begin = (first + index) * length;
        if (bytes === 0 || begin + length <= from) return null;
        const height = Math.min(14, Math.round(2 + 2 * Math.log10(bytes)));
        // The last one has only begun.
        const left = Math.max(0, Math.min(WIDTH - 2, x(begin)));
        return (
          <rect
            key={first + index}
            class="span-working"
            x={left}
            y={15 - height}
            width={Math.max(2, x(begin + length) - left)}
            height={height}
          />
        );
      })}
    </>
  );
}

/** The last hour of a session's states, or of what a shell printed. */
export function Trace({ session }: { session: Session }) {
  const to = now.value;
  const from = to - HOUR;
  const spans = traces.value.get(session.id) ?? [];
  const density = densities.value.get(session.id);
  const x = (time: number): number => Math.round(((time - from) / HOUR) * WIDTH);
  const crashed = session.status === "crashed" ? Date.parse(session.state_since) : null;
  return (
    <svg
      class="trace"
      width={WIDTH}
      height={HEIGHT}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={density ? densitySentence(density, from) : traceSentence(spans, from, to, "Last hour")}
    >
      {density && <Bars density={density} from={from} x={x} />}
      {within(spans, from, to).map((part) => {
        const { y, height } = density ? GROUND : BARS[part.state];
        const left = Math.min(WIDTH - 1, x(part.from));
        return (
          <rect
            key={part.from}
            class={density ? "span-idle" : `span-${part.state}`}
            x={left}
            y={y}
            width={Math.max(part.state === "waiting" ? 2 : 1, x(part.to) - left)}
            height={height}
          />
        );
      })}
      {crashed !== null && crashed > from && (
        <rect class="span-crashed" x={Math.min(WIDTH - 2, x(crashed))} y="1" width="2" height="14" />
      )}
    </svg>
  );
}
