import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// `npm run dev` serves the source in front of a running daemon, which takes the page for its own.
const target = process.env["CODEPIPER_URL"] ?? "http://127.0.0.1:3000";
const daemon = { target, changeOrigin: true, ws: true, headers: { origin: target } };

/** highlight.js's core is a CommonJS module, and what a bundle needs for such would be loaded by every page. */
const highlighter: Plugin = {
  name: "highlighter",
  transform: {
    filter: { id: /highlight\.js\/lib\/core\.js$/ },
    handler: (code) => code.replace(/^module\.exports = (\w+);$/m, "export default $1;"),
  },
};

export default defineConfig({
  plugins: [highlighter],
  server: { host: "127.0.0.1", proxy: { "/api": daemon, "/ws": daemon } },
  build: {
    target: "es2023",
    // Small files stay files: the content security policy knows no `data:` scripts or fonts.
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: false,
  },
  test: { include: ["src/**/*.test.{ts,tsx}"] },
});
