import { findOut } from "../login";
import { Command } from "../ui/copy";
import { Logo } from "../ui/logo";

/** The daemon does not answer, or lets nobody in. */
export function Unreachable({ detail }: { detail: string }) {
  return (
    <main class="empty">
      <Logo size={28} />
      <h1 class="visually-hidden">CodePiper</h1>
      <h2>{detail}</h2>
      <p>Your sessions keep running in tmux. To start the daemon, run on the host:</p>
      <Command text="codepiper daemon --web" />
      <button class="button primary large" onClick={() => void findOut()}>
        Try again
      </button>
    </main>
  );
}
