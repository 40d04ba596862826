import type { Session } from "../wire";
import { now, traces } from "../store";
import { traceSentence, within } from "../trace_words";

const WIDTH = 108;
const HEIGHT = 16;
const HOUR = 3_600_000;

/** Where a state's bar begins and how high it is, of 16. */
export const BARS = {
  starting: { y: 6, height: 4 },
  working: { y: 3, height: 10 },
  idle: { y: 8, height: 2 },
  waiting: { y: 1, height: 14 },
  unknown: { y: 3, height: 10 },
  away: { y: 8, height: 1 },
} as const;

/** The last hour of a session's states. */
export function Trace({ session }: { session: Session }) {
  const to = now.value;
  const from = to - HOUR;
  const spans = traces.value.get(session.id) ?? [];
  const x = (time: number): number => Math.round(((time - from) / HOUR) * WIDTH);
  const crashed = session.status === "crashed" ? Date.parse(session.state_since) : null;
  return (
    <svg
      class="trace"
      width={WIDTH}
      height={HEIGHT}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={traceSentence(spans, from, to, "Last hour")}
    >
      {within(spans, from, to).map((part) => {
        const { y, height } = BARS[part.state];
        const left = Math.min(WIDTH - 1, x(part.from));
        return (
          <rect
            key={part.from}
            class={`span-${part.state}`}
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
