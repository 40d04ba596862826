import type { Session } from "../wire";
import { Icon } from "../ui/icon";
import { closePopover, Popover } from "../ui/popover";
import { isLive } from "../words";
import { clock } from "../clock";
import { coarse, isPhone } from "../terminal/fit";
import { isFollowing, sameGrid, setFollowing } from "../terminal/following";
import type { TerminalModel } from "./terminal_model";
import { changeSize, isOurs } from "./window_size";

function Facts({ session, mine, scale }: { session: Session; mine: boolean; scale: number }) {
  const { lease } = session;
  return (
    <p>
      {lease?.automatic ? (
        <>Follows {mine ? "this window" : <b>{`the window of ${lease.holder}`}</b>}. </>
      ) : lease ? (
        <>
          Set by {mine ? "you" : <b>{lease.holder}</b>} at {clock(Date.parse(lease.since))}.{" "}
        </>
      ) : (
        session.attached > 0 && <>Set by an attached terminal. </>
      )}
      Shown here at {isFull(scale) ? "full size" : percent(scale)}.
    </p>
  );
}

const isFull = (scale: number): boolean => Math.abs(scale - 1) < 0.005;
const percent = (scale: number): string => `${Math.round(scale * 100)}%`;

/** Who holds the size, and the ways to take it: looking alone never resizes. */
export function SizeChip({ view, session }: { view: TerminalModel; session: Session }) {
  const { sizing, whole } = view;
  const scale = view.scale.value;
  const wanted = view.wanted.value;
  const { size, lease } = session;
  const mine = isOurs(session);
  const byHand = mine && !lease?.automatic;
  const name = `${size.cols}×${size.rows}`;
  const holder = lease?.automatic
    ? mine
      ? "follows this window"
      : `follows ${lease.holder}`
    : mine
      ? "set by you"
      : lease
        ? `set by ${lease.holder}`
        : session.attached > 0
          ? "set by an attached terminal"
          : null;
  const same = sameGrid(size, wanted);
  const look = isPhone() && !whole.value ? "pan" : isFull(scale) ? null : percent(scale);
  const change = (method: "POST" | "DELETE", button: HTMLElement): void => {
    closePopover(button);
    void changeSize(view, method);
  };
  return (
    <>
      <Popover
        id="size-chip"
        buttonClass="chip size-chip"
        class="size-card"
        tip="Size"
        tipKey="⇧ F"
        shown={sizing.value}
        onShown={(on) => (sizing.value = on)}
        button={
          <>
            <Icon name="monitor" size={14} />
            <code>{name}</code>
            <span class="desk-only">{holder ?? look}</span>
            <span class="phone-only">{look && `· ${look}`}</span>
          </>
        }
      >
        <h2>Size {name}</h2>
        <Facts session={session} mine={mine} scale={scale} />
        {isLive(session) && !same && (
          <button class="button primary wide" onClick={(event) => change("POST", event.currentTarget)}>
            <Icon name="fit" size={14} />
            Fit to this screen ({wanted.cols}×{wanted.rows})
          </button>
        )}
        {isLive(session) && !same && (
          <p class="meta">The program redraws once. You can restore the current size later.</p>
        )}
        {byHand && lease && (
          <button class="button wide" onClick={(event) => change("DELETE", event.currentTarget)}>
            Restore ({lease.size_before.cols}×{lease.size_before.rows})
          </button>
        )}
        {isLive(session) && !coarse() && (
          <label class="check">
            <input
              type="checkbox"
              checked={isFollowing(session.id)}
              onChange={(event) => setFollowing(session.id, event.currentTarget.checked)}
            />
            <span>Follow this window while nobody else watches</span>
          </label>
        )}
      </Popover>
      {byHand && (
        <button class="button desk-only" onClick={() => void changeSize(view, "DELETE")}>
          Restore size
        </button>
      )}
    </>
  );
}
