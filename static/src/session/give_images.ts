import type { Image, Session } from "../wire";
import { problemOf, request, upload } from "../http";
import { toast } from "../toasts";
import { isAgent } from "../providers";

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

/** The images in the clipboard; says so when there is none. */
export async function clipboardImages(): Promise<File[]> {
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
