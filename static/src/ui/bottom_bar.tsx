import "../styles/around_pages.css";
import { useLocation } from "preact-iso";
import { signOut } from "../login";
import { openOverlay } from "../overlay";
import { shownTheme } from "../preferences";
import { needing } from "../store";
import { chooseTheme } from "../theme";
import { Icon } from "./icon";
import { closePopover, Popover } from "./popover";

/** The places of the phone. */
export function BottomBar() {
  const { path } = useLocation();
  if (path.startsWith("/sessions/")) return null;
  return (
    <nav class="bottom-bar" aria-label="Pages and actions">
      <a href="/" aria-current={path === "/" || path === "/sessions" ? "page" : undefined}>
        <Icon name="sessions" size={20} />
        Sessions
      </a>
      <a href="/inbox" aria-current={path === "/inbox" ? "page" : undefined}>
        <span class="with-number">
          <Icon name="inbox" size={20} />
          {needing.value.length > 0 && <span class="number needs-number">{needing.value.length}</span>}
        </span>
        Inbox
      </a>
      <button type="button" aria-label="Create Session" onClick={() => openOverlay("create")}>
        <span class="create button primary icon">
          <Icon name="plus" size={20} />
        </span>
      </button>
      <Popover
        button={
          <>
            <Icon name="menu" size={20} />
            More
          </>
        }
        buttonClass="more"
        class="menu"
      >
        <a href="/settings" onClick={(event) => closePopover(event.currentTarget)}>
          <Icon name="settings" />
          Settings
        </a>
        <button
          onClick={(event) => {
            closePopover(event.currentTarget);
            chooseTheme(shownTheme.value === "dark" ? "light" : "dark");
          }}
        >
          <Icon name={shownTheme.value === "dark" ? "sun" : "moon"} />
          {shownTheme.value === "dark" ? "Light theme" : "Dark theme"}
        </button>
        <button
          onClick={(event) => {
            closePopover(event.currentTarget);
            openOverlay("palette");
          }}
        >
          <Icon name="search" />
          Find a session or an action
        </button>
        <button onClick={() => void signOut()}>
          <Icon name="signOut" />
          Sign out
        </button>
      </Popover>
    </nav>
  );
}
