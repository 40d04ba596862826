import type { Session } from "../wire";
import { problemOf, request } from "../http";
import { auth } from "../login";
import { keep } from "../store";
import { Icon } from "../ui/icon";
import { closePopover, Popover } from "../ui/popover";
import { toast } from "../toasts";
import { clock, isLive } from "../words";
import { isPhone } from "../terminal/fit";
import type { TerminalModel } from "./terminal_model";

function Facts({ session, mine, scale }: { session: Session; mine: boolean; scale: number }) {
  const { lease } = session;
  return (
    <p>
      {lease && !mine && (
        <>
          Set by <b>{lease.holder}</b> at {clock(Date.parse(lease.since))}.{" "}
        </>
      )}
      {lease && mine && <>Set by you at {clock(Date.parse(lease.since))}. </>}
      {!lease && session.attached > 0 && <>Set by an attached terminal. </>}
      {scale < 0.995 ? `Shown here at ${Math.round(scale * 100)}%.` : "Shown here at full size."} Viewing never changes
      it.
    </p>
  );
}

/** Who holds the size, and the explicit way to take it: looking never resizes. */
export function SizeChip({ view, session }: { view: TerminalModel; session: Session }) {
  const { sizing, whole } = view;
  const scale = view.scale.value;
  const wanted = view.wanted.value;
  const { size, lease } = session;
  const mine = lease !== null && lease.login !== null && lease.login === auth.status?.login?.id;
  const name = `${size.cols}×${size.rows}`;
  const path = `/api/sessions/${session.id}/fit`;
  const change = async (method: "POST" | "DELETE"): Promise<void> => {
    try {
      keep(await request<Session>(method, path, method === "POST" ? wanted : undefined));
    } catch (error) {
      toast({ text: `Size not changed: ${problemOf(error).detail}`, bad: true });
    }
  };
  const holder = mine
    ? "set by you"
    : lease
      ? `set by ${lease.holder}`
      : session.attached > 0
        ? "set by an attached terminal"
        : null;
  const same = size.cols === wanted.cols && size.rows === wanted.rows;
  const look = isPhone() && !whole.value ? "pan" : scale < 0.995 ? `${Math.round(scale * 100)}%` : null;
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
          <button
            class="button primary wide"
            onClick={(event) => {
              closePopover(event.currentTarget);
              void change("POST");
            }}
          >
            <Icon name="fit" size={14} />
            Fit to this screen ({wanted.cols}×{wanted.rows})
          </button>
        )}
        {isLive(session) && !same && (
          <p class="meta">The program redraws once. You can restore the current size later.</p>
        )}
        {mine && (
          <button
            class="button wide"
            onClick={(event) => {
              closePopover(event.currentTarget);
              void change("DELETE");
            }}
          >
            Restore ({lease.size_before.cols}×{lease.size_before.rows})
          </button>
        )}
      </Popover>
      {mine && (
        <button class="button desk-only" onClick={() => void change("DELETE")}>
          Restore size
        </button>
      )}
    </>
  );
}
