// @vitest-environment jsdom
import { expect, it } from "vitest";
import { markdown } from "./markdown";

function html(text: string): string {
  const root = document.createElement("div");
  root.append(markdown(text));
  return root.innerHTML;
}

it("renders what agents write", () => {
  const shown = html(
    "## Head\n\nA **bold** `code`.\n\n- one\n- [x] done\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```rust\nfn main() {}\n```\n",
  );
  for (const part of [
    "<h2>Head</h2>",
    "<strong>bold</strong>",
    "<code>code</code>",
    "<td>1</td>",
    "<code>fn main() {}",
    'aria-label="Done"',
  ])
    expect(shown).toContain(part);
});

it("leaves nothing that runs, is fetched, or looks like us", () => {
  for (const bad of [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![x](https://example.com/x.png)",
    "<svg><script>1</script></svg>",
    "<iframe src=https://example.com></iframe>",
    "<form action=/api><button>Allow</button></form>",
    "<style>body{display:none}</style>",
    '<p style="position:fixed" class="button primary" id="evidence" onclick="x()">x</p>',
    "[x](javascript:alert(1))",
    "[x](data:text/html,x)",
    '<a href="//example.com" target="_self">x</a>',
    "<math><mtext></mtext></math>",
  ]) {
    const shown = html(bad);
    expect(shown, bad).not.toMatch(
      /<script|<img|<svg|<iframe|<form|<button|<style|onerror|onclick|style=|class=|id=|javascript:|data:|src=|href="\/\/|<math/i,
    );
  }
  expect(html("[x](https://example.com)")).toContain('rel="noopener noreferrer"');
});
