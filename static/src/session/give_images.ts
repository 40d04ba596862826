import type { Image, Session } from "../wire";
import { problemOf, request, upload } from "../http";
import { toast } from "../toasts";
import { isAgent } from "../words";

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
