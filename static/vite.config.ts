import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// `npm run dev` serves the source in front of a running daemon, which takes the page for its own.
const target = process.env["CODEPIPER_URL"] ?? "http://127.0.0.1:3000";
const daemon = { target, changeOrigin: true, ws: true, headers: { origin: target } };

/**
 * highlight.js's core is a CommonJS module, and what a bundle needs for such would be loaded by every page: it is made
 * an ES module. The build fails where that is not possible any more.
 */
function highlighter(): Plugin {
  let done = false;
  return {
    name: "highlighter",
    apply: "build",
    transform: {
      filter: { id: /highlight\.js\/lib\/core\.js$/ },
      handler(code) {
        const patched = code.replace(/^module\.exports = (\w+);$/m, "export default $1;");
        if (patched === code) this.error("highlight.js/lib/core.js has no `module.exports = …;` to make an export of");
        done = true;
        return patched;
      },
    },
    generateBundle() {
      if (!done) this.error("highlight.js/lib/core.js is not in the bundle: see vite.config.ts");
    },
  };
}

/**
 * Names in the page what a browser that is signed in will ask for, so that it is fetched at once and not piece behind piece: between
 * `<!--signed in-->`, `<!--session-->` and `<!--end-->`, from which the daemon takes what a request needs (src/dashboard.rs).
 */
function pieces(): Plugin {
  return {
    name: "pieces",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler(html, { bundle }) {
        const chunks = Object.values(bundle ?? {}).filter((file) => file.type === "chunk");
        const named = new Set(html.match(/assets\/[^"]+/g));
        const links = (module: string): string => {
          const found = chunks.find(({ moduleIds }) => moduleIds.some((id) => id.endsWith(module)));
          if (!found) throw new Error(`no chunk has ${module}`);
          const scripts = new Set([found.fileName]);
          for (const script of scripts)
            chunks.find(({ fileName }) => fileName === script)?.imports.forEach((file) => scripts.add(file));
          const styles = [...scripts].flatMap((script) => [
            ...(chunks.find(({ fileName }) => fileName === script)?.viteMetadata?.importedCss ?? []),
          ]);
          const fresh = (file: string): boolean => !named.has(file) && named.add(file) !== null;
          return [
            ...[...scripts].filter(fresh).map((file) => `<link rel="modulepreload" href="/${file}">`),
            ...styles.filter(fresh).map((file) => `<link rel="preload" as="style" crossorigin href="/${file}">`),
          ].join("");
        };
        const pieces = `<!--signed in-->${links("/src/dashboard.tsx")}<!--session-->${links("/src/session/terminal_view.tsx")}<!--end-->`;
        return html.replace("</head>", `${pieces}</head>`);
      },
    },
  };
}

/** What every page behind the sign-in needs, and the session's page, which is looked at most. */
const EVERY_PAGE = new RegExp(
  [
    "/node_modules/(preact-iso|@preact)/|/@xterm/xterm/css/",
    "/src/(dashboard|store|providers|connection|cursor|trace|toasts|ask|actions|shortcuts|preferences|overlay|page_actions|settled)\\.tsx?$",
    "/src/pages/session\\.tsx$",
    "/src/(terminal/fit|notifications/kept)\\.ts$",
    "/src/ui/(rail|state|missing|state_mark|announcer|path|keys)\\.tsx?$",
    "/src/styles/(dashboard|session|terminal)\\.css$",
  ].join("|"),
);

/** What draws a terminal, for a session's page and the grid. */
const TERMINAL = new RegExp(
  [
    "/node_modules/@xterm/xterm/lib/",
    "/src/terminal/(screen|keys|asked|clipboard|modified|paste|pinch|policy|quiet|theme|width|width_table)\\.ts$",
    "/src/session/(terminal_view|terminal_model|terminal_keys|stream|past|gestures)\\.tsx?$",
  ].join("|"),
);

/** What lies over every page, and is loaded when a page is there: without a connection nothing could be. */
const OVER_PAGES =
  /\/src\/(ui\/(palette|confirm|rename|shortcuts|dialog|toast|unsure|not_found)|pages\/unreachable)\.tsx?$/;

/** What is around every page, and is loaded when the page is drawn. */
const AROUND_PAGES =
  /\/src\/(ui\/(session_menu|popover|meters|program_status|described|hatch|tooltip|bottom_bar|reconnect)|menu_actions)\.tsx?$/;

export default defineConfig({
  plugins: [highlighter(), pieces()],
  server: { host: "127.0.0.1", proxy: { "/api": daemon, "/ws": daemon } },
  build: {
    target: "es2023",
    // Small files stay files: the content security policy knows no `data:` scripts or fonts.
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        // One file compresses better than a dozen, and is there sooner.
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [
            { name: "dashboard", test: EVERY_PAGE },
            { name: "terminal", test: TERMINAL },
            { name: "over_pages", test: OVER_PAGES },
            { name: "around_pages", test: AROUND_PAGES },
          ],
        },
      },
    },
  },
  test: { include: ["src/**/*.test.{ts,tsx}"] },
});
