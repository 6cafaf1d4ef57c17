import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: "specs",
  outputDir: "results",
  // One engine and two cores: side by side the tests would only wait for each other.
  workers: 1,
  retries: 0,
  forbidOnly: Boolean(process.env.CI),
  reporter: "list",
  // Nothing is promised by these: they end a test that hangs, on a machine that may be many times slower.
  timeout: 300_000,
  expect: { timeout: 60_000 },
  use: {
    actionTimeout: 60_000,
    navigationTimeout: 60_000,
    screenshot: "only-on-failure",
    // The pages need no motion to make sense, and a transition half way has a contrast of its own.
    contextOptions: { reducedMotion: "reduce" },
    launchOptions: {
      executablePath: process.env.UPAAS_E2E_CHROMIUM,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
