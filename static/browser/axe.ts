import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** What axe finds, in short; and what never comes to rest: while the browser draws every frame, each key waits for one. */
export async function findings(page: Page): Promise<string[]> {
  // Evaluated by the debugger, not by the page: the policy allows no such script.
  await page.evaluate(AXE);
  // What is still appearing has not its colours yet; what is taken away meanwhile never will.
  const endless = await page.evaluate(async () => {
    const ends = (animation: Animation): boolean => animation.effect?.getTiming().iterations !== Infinity;
    const all = document.getAnimations();
    await Promise.allSettled(all.filter(ends).map((animation) => animation.finished));
    return all.filter((animation) => !ends(animation)).map((animation) => (animation as CSSAnimation).animationName);
  });
  const results = await page.evaluate(
    // The terminal's colours are the program's.
    (tags) =>
      (window as unknown as { axe: { run: (context: unknown, options: unknown) => Promise<AxeResults> } }).axe.run(
        { exclude: [[".xterm-rows"], [".h-page"]] },
        { runOnly: tags },
      ),
    TAGS,
  );
  const violations = results.violations.flatMap((violation) =>
    violation.nodes.map(
      (node) => `${violation.id}: ${node.html.slice(0, 160)} ${node.failureSummary?.split("\n")[1] ?? ""}`,
    ),
  );
  return [...endless.map((name) => `an endless animation: ${name}`), ...violations];
}
