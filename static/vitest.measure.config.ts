import { defineConfig } from "vitest/config";
import tests from "./vitest.browser.config";

// What is measured in a real browser: `make paint`, `make day`.
export default defineConfig({ test: { ...tests.test, include: ["browser/**/*.measure.ts"], testTimeout: 600_000 } });
