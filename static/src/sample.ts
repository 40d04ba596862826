// A session for tests.

import type { Session } from "./wire";

export function aSession(part: Partial<Session> = {}): Session {
  const at = "2026-11-23T10:00:00Z";
  return {
    id: "a1b2c3d4-0000-4000-8000-000000000000",
    short_id: "a1b2c3d4",
    name: "auth",
    provider: "claude-code",
    args: [],
    cwd: "/home/u/my-app",
    branch: "main",
    changes: null,
    status: "running",
    activity: "working",
    waiting_for: null,
    limit: null,
    background: [],
    exit: null,
    size: { cols: 120, rows: 32 },
    lease: null,
    billing: null,
    env_sets: [],
    dangerous: false,
    permission_mode: null,
    worktree: null,
    model: null,
    queued: 0,
    queue_held: false,
    tags: [],
    pinned: false,
    archived: false,
    program_version: null,
    title: null,
    program_status: null,
    foreground: null,
    meters: null,
    pid: 1,
    attached: 0,
    cursor: "0:0",
    created_at: at,
    started_at: at,
    state_since: at,
    updated_at: at,
    ...part,
  };
}
