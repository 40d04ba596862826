import { defineConfig } from "vitest/config";

// `CODEPIPER_SOCKET=PATH npm run dev` serves the source beside a running daemon, as its owner.
const socketPath = process.env["CODEPIPER_SOCKET"] ?? "/tmp/codepiper.sock";
const daemon = { target: { socketPath, host: "localhost", port: 80 }, ws: true };

export default defineConfig({
  server: { proxy: { "/api": daemon, "/ws": daemon } },
  build: {
    target: "es2023",
    // Small files stay files: the content security policy knows no `data:` scripts or fonts.
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: false,
  },
  test: { include: ["src/**/*.test.{ts,tsx}"] },
});
