import "../styles/program_status.css";
import type { Quota, Session, UsageLimit } from "../wire";
import { now } from "../store";
import { fullTime, age } from "../words";

/** The same rule as the daemon's (`Quota::is_stale`): its window was reset, or much may have been used elsewhere. */
const STALE_AFTER = 30 * 60_000;

function isStale(quota: Quota): boolean {
  const reset = quota.resets_at !== null && Date.parse(quota.resets_at) <= now.value;
  return reset || now.value - Date.parse(quota.at) > STALE_AFTER;
}

const WINDOWS: Record<string, string> = { five_hour: "5h", seven_day: "7d" };

/** The mode and the limit that an agent is in, and what it says it has used, in its own words and numbers. */
export function Meters({ session: { meters, limit, permission_mode: mode } }: { session: Session }) {
  const { context, quota, cost_usd } = meters ?? { context: null, quota: [], cost_usd: null };
  const unusual = mode !== null && mode !== "default";
  if (!meters && !limit && !unusual) return null;
  const share = context && context.size > 0 ? Math.min(100, Math.floor((context.used * 100) / context.size)) : null;
  return (
    <span class="meters meta">
      {unusual && <span title="Permission mode">{mode}</span>}
      {limit && <span title={until(limit)}>{limitWords(limit)}</span>}
      {context && share !== null && (
        <span title={`${context.used.toLocaleString("en")} of ${context.size.toLocaleString("en")} tokens`}>
          context {share}%
        </span>
      )}
      {quota.map((window) => (
        <span key={window.window} class={isStale(window) ? "stale" : undefined} title={told(window)}>
          {WINDOWS[window.window] ?? window.window} {Math.round(window.used_percent)}%{isStale(window) && "?"}
        </span>
      ))}
      {cost_usd !== null && cost_usd > 0 && <span title="Estimated by the agent">${cost_usd.toFixed(2)}</span>}
    </span>
  );
}

function limitWords({ resets_at }: UsageLimit): string {
  if (!resets_at) return "limit reached";
  const reset = new Date(resets_at);
  const [day, hour] = [reset.toLocaleDateString([], { weekday: "short" }), clock(reset)];
  return `limit resets ${reset.getTime() - now.value > 24 * 3_600_000 ? `${day} ` : ""}${hour}`;
}

const clock = (time: Date): string => time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

function until({ window, resets_at }: UsageLimit): string {
  const which = window ? `The ${window.replaceAll("_", " ")} limit` : "A usage limit";
  return `${which} is used up${resets_at ? `; resets ${fullTime(Date.parse(resets_at))}` : ""}`;
}

function told(quota: Quota): string {
  const reset = quota.resets_at === null ? "" : `; resets ${fullTime(Date.parse(quota.resets_at))}`;
  const ago = age(now.value - Date.parse(quota.at));
  return `Used of the ${quota.window.replaceAll("_", " ")} limit, reported ${ago} ago${isStale(quota) ? " (stale)" : ""}${reset}`;
}
