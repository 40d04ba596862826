// Files for a program: what is dropped or pasted is uploaded, and its path is typed.

import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeEach, expect, it } from "vitest";
import { type Daemon, eventually, screen, shot, shows, signedIn } from "./harness";

let host: Daemon;
let page: Page;
let complaints: string[];
let id: string;

signedIn((ready) => ({ host, page, complaints } = ready));
beforeEach(async () => {
  const command = "stty raw -echo; printf '\\033[?2004hready\\r\\n'; exec cat -v";
  const started = host.run("start", "-p", "shell", "--size", "250x40", "--json", "--", "sh", "-c", command);
  id = (JSON.parse(started) as { id: string }).id;
  await page.goto(`${host.url}/sessions/${id}`);
  await shows(page, "ready");
});

/** A file, as a browser hands it to a page: its name and what it holds; a number is so many bytes. */
type Given = readonly [string, string | number];

const give = (how: "drop" | "paste", files: readonly Given[]): Promise<void> =>
  page.evaluate(
    ([how, files]) => {
      const data = new DataTransfer();
      for (const [name, held] of files)
        data.items.add(new File([typeof held === "number" ? new Uint8Array(held) : held], name));
      const how_ = { bubbles: true, cancelable: true };
      if (how === "drop")
        document.querySelector(".stage")!.dispatchEvent(new DragEvent("drop", { dataTransfer: data, ...how_ }));
      else
        document
          .querySelector(".xterm-helper-textarea")!
          .dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, ...how_ }));
    },
    [how, files] as const,
  );

/** The paths that were typed, as one paste. */
async function typed(): Promise<string[]> {
  const pasted = /\^\[\[200~(.*) \^\[\[201~/;
  await shows(page, pasted);
  return (pasted.exec(await screen(page))?.[1] ?? "").split(" ");
}

it("uploads what is dropped, and types where it is", async () => {
  await give("drop", [
    ["notes.txt", "some notes"],
    ["a report; rm -rf.pdf", "%PDF"],
  ]);
  const paths = await typed();
  await page.getByText("Uploaded 2 files; typed their paths.").waitFor();
  await shot(page, "files");
  expect(paths.map((path) => path.replace(/.*\/[0-9a-f]{8}-/, ""))).toEqual(["notes.txt", "a_report__rm_-rf.pdf"]);
  expect(paths.map((path) => readFileSync(path, "utf8"))).toEqual(["some notes", "%PDF"]);
  expect(paths.map((path) => statSync(path).mode & 0o777)).toEqual([0o600, 0o600]);
});

it("takes a pasted file like a dropped one", async () => {
  await give("paste", [["data.csv", "a,b"]]);
  const [path = ""] = await typed();
  await page.getByText("Uploaded 1 file; typed its path.").waitFor();
  expect(readFileSync(path, "utf8")).toBe("a,b");
});

it("says what it cannot take, and takes the rest", async () => {
  await give("drop", [
    ["large.iso", 10 * 1024 * 1024 + 1],
    ["small.txt", "x"],
  ]);
  await page.getByText("Not sent: large.iso is too large; the limit is 10 MiB.").waitFor();
  expect(await typed()).toHaveLength(1);
});

it("says that a directory is none", async () => {
  mkdirSync(join(host.home, "a-directory"));
  writeFileSync(join(host.home, "beside.txt"), "beside");
  const devtools = await page.context().newCDPSession(page);
  const files = ["a-directory", "beside.txt"].map((name) => join(host.home, name));
  const data = { items: [], files, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"] as const)
    await devtools.send("Input.dispatchDragEvent", { type, x: 600, y: 300, data });
  await page.getByText("Not sent: a-directory is a directory, or cannot be read.").waitFor();
  const [path = ""] = await typed();
  expect(readFileSync(path, "utf8")).toBe("beside");
});

it("tells nothing over the field that one writes into", async () => {
  await page.keyboard.press("Alt+Escape");
  await page.keyboard.press("p");
  const field = page.getByRole("textbox", { name: "Command" });
  for (const text of ["one line", "one\ntwo\nthree\nfour\nfive"]) {
    await field.fill(text);
    await give("drop", [["notes.txt", "some notes"]]);
    await page.locator(".toast").first().waitFor();
    const isFree = async (): Promise<boolean> => {
      const toast = await page.locator(".toasts").boundingBox();
      const composer = await page.locator(".composer").boundingBox();
      return (toast?.y ?? 0) + (toast?.height ?? 0) <= (composer?.y ?? 0);
    };
    await eventually(isFree, "the composer is not covered");
    await shot(page, `toast-over-${text.length}`);
    // It grows while a toast is there.
    await field.fill(`${text}\nand more\nand more`);
    await eventually(isFree, "the composer is not covered when it has grown");
  }
});

it("complained about nothing", () => expect(complaints).toEqual([]));
