import type { Page } from "@playwright/test";

import { expectGoodLook } from "../support/axe";
import { expect, installation, PASSWORD, test, USERNAME } from "../support/signedIn";

installation();

const actions = (page: Page) => page.locator(".entry-action");

/** Tries to log in from a browser of its own, which is signed in nowhere. */
async function tryToLogIn(page: Page, username: string, password: string): Promise<void> {
  const context = await page.context().browser()!.newContext({ baseURL: new URL(page.url()).origin, storageState: undefined });
  const other = await context.newPage();
  await other.goto("/login");
  await other.getByLabel("User name").fill(username);
  await other.getByLabel("Password", { exact: true }).fill(password);
  await other.getByRole("button", { name: "Log in" }).click();
  await expect(other.getByRole("alert").or(other.getByRole("heading", { name: "Apps" }))).toBeVisible();
  await context.close();
}

async function filter(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Filter" }).click();
}

test("what happens shows up by itself, and every look of the page is accessible and fits", async ({ page }) => {
  test.setTimeout(120_000);
  await page.goto("/");
  await page.getByRole("link", { name: "Audit", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Audit");
  await expect(actions(page).filter({ hasText: "SETUP" })).toHaveCount(1);
  await tryToLogIn(page, USERNAME, "not the password");
  const failed = page.locator(".entry.row-failed");
  await expect(failed).toHaveCount(1);
  await expect(failed.locator(".entry-action")).toHaveText("LOGIN");
  await expect(failed.locator(".entry-who")).toContainText(USERNAME);
  await expect(failed.locator(".entry-address")).toHaveText("127.0.0.1");
  await expectGoodLook(page, "audit");
  await page.goto("/audit?from=yesterday&usr=ada");
  await expect(page.locator("#from-error")).toBeVisible();
  await expectGoodLook(page, "audit-wrong");
  await page.goto("/audit?user=nobody");
  await expect(page.getByRole("heading", { name: "No entry matches." })).toBeVisible();
  await expectGoodLook(page, "audit-none");
  await page.goto("/settings");
  await page.getByLabel("Audit entries, in days").fill("a while");
  await page.locator("#retention").getByRole("button", { name: "Save" }).click();
  await expect(page.locator("#audit_days-error")).toBeVisible();
  await expectGoodLook(page, "settings-retention-wrong");
});

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with JavaScript" : "without JavaScript", () => {
    test.use({ javaScriptEnabled });

    test("entries are found by filters and words, exported, and shown all again", async ({ page }) => {
      const name = javaScriptEnabled ? "mallory" : "trudy";
      await page.goto("/audit");
      await tryToLogIn(page, name, PASSWORD);
      await page.getByLabel("Action").selectOption("LOGIN");
      await page.getByLabel("Result").selectOption("FAILURE");
      await page.getByLabel("User").fill(name);
      await filter(page);
      await expect(page).toHaveURL(new RegExp(`/audit\\?action=LOGIN&.*user=${name}&result=FAILURE`));
      await expect(actions(page)).toHaveText(["LOGIN"]);
      await expect(page.getByLabel("Action")).toHaveValue("LOGIN");

      const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Export as JSONL" }).click()]);
      expect(download.suggestedFilename()).toMatch(/^audit-\d{4}-\d\d-\d\d\.jsonl$/);
      const chunks: Buffer[] = [];
      for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
      const lines = Buffer.concat(chunks).toString().trimEnd().split("\n");
      expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ action: "LOGIN", result: "FAILURE", user_name: name }]);

      await page.getByRole("link", { name: "Clear filters" }).click();
      await expect(page).toHaveURL("/audit");
      expect(await actions(page).count()).toBeGreaterThan(1);

      await page.getByRole("searchbox", { name: "Search" }).fill(`${name.slice(0, 4)} login`);
      await page.keyboard.press("Enter");
      await expect(actions(page)).toHaveText(["LOGIN"]);
      await page.getByLabel("Until").fill("2026-01-01T00:00");
      await filter(page);
      await expect(page.getByRole("heading", { name: "No entry matches." })).toBeVisible();
      await expect(page.getByLabel("Until"), "what was chosen stays").toHaveValue("2026-01-01T00:00");
    });
  });
}
