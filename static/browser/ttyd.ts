// ttyd's page, on a tmux session that the daemon supervises.

import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { eventually, freePort, installed, type Daemon } from "./harness";

const TTYD = process.env["TTYD"] ?? installed("ttyd", "ttyd");

/** Without WebGL: what it draws can be seen. It does not count for the session's size. */
export async function serveTtyd(host: Daemon, session: string): Promise<{ url: string; process: ChildProcess }> {
  const port = await freePort();
  const args = ["-W", "-i", "127.0.0.1", "-p", String(port), "-t", "disableLeaveAlert=true", "-t", "rendererType=dom"];
  const target = `=codepiper-${session.slice(0, 8)}`;
  const tmux = ["tmux", "-S", join(host.home, "tmux.sock"), "attach", "-f", "ignore-size", "-t", target];
  const process_ = spawn(TTYD, [...args, ...tmux], {
    stdio: "ignore",
    env: { ...process.env, TERM: "xterm-256color" },
  });
  const url = `http://127.0.0.1:${port}`;
  await eventually(
    () =>
      fetch(url).then(
        (answer) => answer.ok,
        () => false,
      ),
    "ttyd serves its page",
  );
  return { url, process: process_ };
}

export function median(values: number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN;
}
