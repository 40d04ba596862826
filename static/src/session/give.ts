// What is pasted, dropped or chosen for a session's program.

import type { Image, Session } from "../wire";
import { problemOf, request, upload } from "../http";
import { toast } from "../toasts";
import { isAgent } from "../providers";
import { pasteText } from "./paste_text";
import type { TerminalModel } from "./terminal_model";

/** What programs take as an image. */
const IMAGES = /^image\/(png|jpeg|gif|webp)$/;

/** Uploads images, and gives them to the session's program. */
export async function giveImages(session: Session, files: readonly File[]): Promise<void> {
  for (const file of files) {
    try {
      const image = await upload<Image>(`/api/sessions/${session.id}/images`, file);
      await request("POST", `/api/sessions/${session.id}/input?images=${encodeURIComponent(image.id)}`);
      toast({ text: `Image sent to the ${isAgent(session.provider) ? "agent" : "program"}.`, icon: "image" });
    } catch (error) {
      toast({ text: `Image not sent: ${problemOf(error).detail}`, bad: true });
    }
  }
}

/** What was pasted or dropped over a terminal; of an empty paste, what else is in the clipboard. */
export async function give(view: TerminalModel, files: readonly File[], text = ""): Promise<void> {
  if (text !== "" && files.length === 0) {
    if (view.past.mode.value === "live" && view.screen) pasteText(view.screen.terminal, text);
    return;
  }
  const given = files.length > 0 ? files : await clipboardImages();
  const isImage = ({ type }: File): boolean => IMAGES.test(type);
  await giveImages(view.session, given.filter(isImage));
  const others = given.filter((file) => !isImage(file));
  if (others.length > 0) await giveFiles(view, others);
}

async function giveFiles(view: TerminalModel, files: readonly File[]): Promise<void> {
  try {
    await (await import("./give_files")).giveFiles(view, files);
  } catch {
    toast({ text: "Not sent: no connection.", bad: true });
  }
}

/** The images in the clipboard; says so when there is none. */
async function clipboardImages(): Promise<File[]> {
  try {
    const files: File[] = [];
    for (const item of await navigator.clipboard.read()) {
      const type = item.types.find((each) => each.startsWith("image/"));
      if (type !== undefined) files.push(new File([await item.getType(type)], "clipboard", { type }));
    }
    if (files.length === 0) toast({ text: "The clipboard is empty.", bad: true });
    return files;
  } catch {
    toast({ text: "The browser did not allow reading the clipboard. Drop the image here instead.", bad: true });
    return [];
  }
}
