// Requests of the daemon's API. Every failure is a `Problem`, also the network's.

import { INSTEAD, nextWords } from "./next";
import { secretHeaders } from "./secret";
import type { Problem } from "./wire";
import { visible } from "./words";

export class Failed extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

/** The status of a problem that no daemon said: it did not answer. */
export const UNREACHABLE = 0;

/** Called when the daemon does not know this browser (any more). */
export const onSignedOut: { call: () => void } = { call: () => undefined };

export async function request<T>(method: string, path: string, body?: unknown, init: RequestInit = {}): Promise<T> {
  const headers = new Headers(secretHeaders());
  if (body !== undefined) headers.set("content-type", "application/json");
  return answer<T>(path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...init,
  });
}

/** Sends bytes as they are. */
export async function upload<T>(path: string, body: Blob): Promise<T> {
  return answer<T>(path, { method: "POST", headers: secretHeaders(), body });
}

/** Reads bytes as they are. */
export async function download(path: string): Promise<Uint8Array> {
  const response = await respond(path, { method: "GET", headers: secretHeaders() });
  return new Uint8Array(await response.arrayBuffer());
}

async function answer<T>(path: string, init: RequestInit): Promise<T> {
  const text = await (await respond(path, init)).text();
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

async function respond(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { ...init, credentials: "same-origin", cache: "no-store" });
  } catch {
    throw new Failed(unreachable());
  }
  if (response.ok) return response;
  const failed = new Failed(await problem(response));
  if (failed.problem.code === "signed_out") onSignedOut.call();
  throw failed;
}

async function problem(response: Response): Promise<Problem> {
  try {
    const said = (await response.json()) as Problem;
    if (typeof said.detail === "string") return said;
  } catch {
    // Not one of ours: something between us and the daemon answered.
  }
  return response.status >= 502
    ? unreachable()
    : {
        code: "internal",
        status: response.status,
        title: "Failed",
        detail: `The daemon answered with status ${response.status}.`,
      };
}

function unreachable(): Problem {
  return { code: "internal", status: UNREACHABLE, title: "No connection", detail: "The daemon is not responding." };
}

/** A problem with its next step in the dashboard's words. */
export function worded(problem: Problem): Problem {
  const instead = problem.next && INSTEAD[problem.next.step];
  if (typeof instead === "string") return { ...problem, detail: instead };
  const words = problem.next ? nextWords(problem.next) : null;
  return { ...problem, detail: visible([problem.detail, words].filter(Boolean).join("; ")) };
}

export function problemOf(error: unknown): Problem {
  if (error instanceof Failed) return worded(error.problem);
  const detail = error instanceof Error ? error.message : String(error);
  return { code: "internal", status: -1, title: "Failed", detail };
}
