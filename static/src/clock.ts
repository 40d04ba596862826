// Times of the day, as people read them.

const DAY = 86_400_000;

const clock24 = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const clock24s = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });

/** 16:12 */
export const clock = (at: number): string => clock24.format(at);
/** 16:12:03 */
export const clockSeconds = (at: number): string => clock24s.format(at);
/** 16:12:03.118 */
export const clockExact = (at: number): string => `${clock24s.format(at)}.${String(at % 1000).padStart(3, "0")}`;
export function dayName(at: number, now: number): string {
  const dayOf = (time: number): string => new Date(time).toDateString();
  if (dayOf(at) === dayOf(now)) return "Today";
  if (dayOf(at) === dayOf(now - DAY)) return "Yesterday";
  return day.format(at);
}
