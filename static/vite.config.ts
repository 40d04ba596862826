import { defineConfig } from "vitest/config";

// `npm run dev` serves the source in front of a running daemon, which takes the page for its own.
const target = process.env["CODEPIPER_URL"] ?? "http://127.0.0.1:3000";
const daemon = { target, changeOrigin: true, ws: true, headers: { origin: target } };

export default defineConfig({
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
