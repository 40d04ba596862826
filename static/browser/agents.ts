// The real agents, at the versions of fixtures/agents, with the scripted model of fixtures/model: what they do is what
// the prompt says. They have homes of their own, and nothing of the caller's environment.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { daemon, type Daemon } from "./harness";

const FIXTURES = resolve("../fixtures");
/** The older and the newest versions. */
export type Versions = "older" | "newest";
const binOf = (versions: Versions): string =>
  join(FIXTURES, versions === "newest" ? "agents/newest/node_modules/.bin" : "agents/node_modules/.bin");
const KEY = "sk-test-not-a-real-key-00000000000000000000";

export interface Bed {
  host: Daemon;
  /** A git repository in which nothing is asked. */
  trusted: string;
  /** One that no agent knows. */
  unknown: string;
  /** More in which nothing is asked, by their names; in the home of the agents. */
  projects: Record<string, string>;
  /** Starts an agent; its id. */
  start: (agent: "claude-code" | "codex", directory: string, ...args: string[]) => string;
  close: () => Promise<void>;
}

export async function bed(versions: Versions = "older", ...names: string[]): Promise<Bed> {
  const bin = binOf(versions);
  if (!existsSync(bin)) throw new Error(`the agents are not installed: run \`npm ci\` in ${resolve(bin, "../..")}`);
  const folder = mkdtempSync(join(tmpdir(), "codepiper-agents-"));
  const [user, trusted, unknown] = ["user", "trusted", "unknown"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const projects = Object.fromEntries(names.map((name) => [name, join(user, "projects", name)]));
  for (const directory of [trusted, unknown, ...Object.values(projects)]) {
    mkdirSync(directory, { recursive: true });
    execFileSync("git", ["init", "--quiet", directory]);
  }
  const model = spawn("node", [join(FIXTURES, "model/server.mjs"), "--until-stdin-closes"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [greeting] = (await once(createInterface(model.stdout), "line")) as [string];
  const url = greeting.replace("listening on ", "");
  execFileSync("node", [join(FIXTURES, "agents/seed-claude.mjs"), user, KEY, trusted, ...Object.values(projects)]);
  execFileSync("node", [
    join(FIXTURES, "agents/seed-codex.mjs"),
    user,
    new URL(url).port,
    trusted,
    ...Object.values(projects),
  ]);
  const host = await daemon({
    bare: true,
    environment: {
      PATH: `${bin}:${process.env["PATH"] ?? ""}`,
      HOME: user,
      SHELL: "/bin/bash",
      COLORTERM: "truecolor",
      ANTHROPIC_BASE_URL: url,
      ANTHROPIC_API_KEY: KEY,
      SCRIPTED_API_KEY: "any",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      DISABLE_TELEMETRY: "1",
      DISABLE_AUTOUPDATER: "1",
      DISABLE_ERROR_REPORTING: "1",
    },
  });
  return {
    host,
    trusted,
    unknown,
    projects,
    start: (agent, directory, ...args) => {
      // The model is reached with a key; Codex has it in its own settings.
      const billing = agent === "claude-code" ? ["--billing", "api"] : [];
      return (
        JSON.parse(host.run("start", "--json", "-p", agent, "-d", directory, ...billing, ...args)) as { id: string }
      ).id;
    },
    close: async () => {
      await host.stop();
      model.stdin.end();
      await once(model, "exit");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
