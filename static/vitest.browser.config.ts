import { defineConfig } from "vitest/config";

// The tests with a real daemon and a real browser: `npm run browser`, see browser/harness.ts.
export default defineConfig({
  test: {
    include: ["browser/**/*.test.ts"],
    // Each file has a daemon and a browser of its own; the machine may be small.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // As long as the page is waited for.
    expect: { poll: { timeout: 20_000 } },
  },
});
