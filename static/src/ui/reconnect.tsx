import "../styles/around_pages.css";
import { connection, now } from "../store";
import { duration } from "../words";
import { Icon } from "./icon";

/** From five seconds on; before that the rail says it. */
const PATIENCE = 5000;

/** `over`: over the head of the page, so that nothing moves. */
export function ReconnectBanner({ over }: { over?: boolean }) {
  const link = connection.link.value;
  if (link.phase === "live") return null;
  const name = over ? "banner over" : "banner";
  if (link.phase === "outdated") {
    return (
      <div class={name} role="alert">
        <Icon name="refresh" />
        <b>The daemon was updated.</b>
        <span>Reload to continue; your drafts are kept.</span>
        <button class="button" onClick={() => location.reload()}>
          Reload
        </button>
      </div>
    );
  }
  if (now.value - link.since < PATIENCE) return null;
  const wait = link.phase === "lost" ? Math.max(0, Math.ceil((link.nextTry - now.value) / 1000)) : 0;
  return (
    <div class={name}>
      <Icon name="refresh" />
      <span>
        <b>
          Connection lost {duration(now.value - link.since)} ago. {wait > 0 ? `Retrying in ${wait} s.` : "Retrying…"}
        </b>{" "}
        <span class="banner-more">Sessions keep running; missed output is loaded from the log.</span>
      </span>
      <button class="button" onClick={connection.tryNow}>
        Retry now
      </button>
    </div>
  );
}
