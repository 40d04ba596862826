import { toast } from "../toasts";
import { copyText } from "../ui/copy";
import { count } from "../words";

/** Copies what is selected in a terminal, and says so: nothing else shows it. */
export async function copySelection(text: string): Promise<void> {
  if (await copyText(text)) toast({ text: `Copied ${count(text.split("\n").length, "line")}.` });
}
