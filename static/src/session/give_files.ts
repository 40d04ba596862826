// Files for a session's program: they are uploaded, and their paths are typed.

import { MAX_FILE, type Session, type UploadedFile } from "../wire";
import { problemOf, upload } from "../http";
import { toast } from "../toasts";
import { quoted } from "../quoted";
import { count, foreign } from "../words";
import type { TerminalModel } from "./terminal_model";

const notSent = (text: string): void => toast({ text: `Not sent: ${text}`, bad: true });

/** Uploads files, and types where they are. */
export async function giveFiles(view: TerminalModel, files: readonly File[]): Promise<void> {
  const paths: string[] = [];
  for (const file of files) {
    const path = await keep(view.session, file);
    if (path !== null) paths.push(path);
  }
  if (paths.length === 0) return;
  if (!view.screen) return notSent("the terminal was left before the upload had ended.");
  view.screen.terminal.paste(`${paths.map(quoted).join(" ")} `);
  toast({ text: `Uploaded ${count(paths.length, "file")}; typed ${paths.length === 1 ? "its path" : "their paths"}.` });
}

/** Where a file is kept; null when it is not, which was said. */
async function keep(session: Session, file: File): Promise<string | null> {
  const name = foreign(file.name);
  if (file.size > MAX_FILE) {
    notSent(`${name} is too large; the limit is ${MAX_FILE / 1024 / 1024} MiB.`);
    return null;
  }
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    notSent(`${name} is a directory, or cannot be read.`);
    return null;
  }
  try {
    const query = `name=${encodeURIComponent(file.name)}`;
    return (await upload<UploadedFile>(`/api/sessions/${session.id}/files?${query}`, file)).path;
  } catch (error) {
    notSent(`${name}: ${problemOf(error).detail}`);
    return null;
  }
}
