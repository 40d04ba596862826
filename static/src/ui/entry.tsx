import "../styles/entry.css";
import type { ComponentChildren } from "preact";
import { auth } from "../login";
import { Logo } from "./logo";

/** The one column of sign-in and onboarding. */
export function Entry({ children }: { children: ComponentChildren }) {
  return (
    <div class="entry">
      <main class="entry-main">
        <div class="brand">
          <Logo size={22} />
          CodePiper
        </div>
        {children}
      </main>
      <footer class="entry-foot">
        <span class="mono">{location.host}</span>
        {auth.status && <span>codepiper {auth.status.version}</span>}
      </footer>
    </div>
  );
}
