// An app's history: every deployment with what its time went into, found by filters, and what the last ones come to.
import type { Locator, Page } from "@playwright/test";

import { type App, deploy, runningApp, status } from "../support/app";
import { expectGoodLook } from "../support/axe";
import { tabTo } from "../support/keyboard";
import { expectSamePage, openOnce } from "../support/once";
import { expect, installation, test } from "../support/signedIn";

const it = installation();
const HOSTILE = "<img src=x onerror=alert(1)> \u202Egpj.exe";

test.describe.configure({ mode: "serial" });

let app: App;

test("each deployment has its row as it comes and ends, and the numbers follow", async ({ page, context }) => {
  await it.forge.commit("past", "hello", { message: HOSTILE });
  app = await runningApp(page, it.forge, { slug: "past" });
  const history = await openOnce(context, `${app.url}/deployments`, page);
  await expect(row(history, 1).locator(".tag")).toHaveText("live");
  await expect(row(history, 1).locator("q")).toHaveText("<img src=x onerror=alert(1)> [U+202E]gpj.exe");
  expect(await history.locator("main img").count()).toBe(0);
  await expect(history.locator("#record")).toContainText("100 % 1 of 1");

  const acting = await context.newPage();
  await it.forge.push("past", { Dockerfile: "FROM scratch\nCOPY nothing /\n" }, { message: "Break the build" });
  await deploy(acting, app);
  await expect(status(acting)).toHaveText("Failed");
  await expect(row(history, 2).locator(".badge")).toHaveText("Failed");
  await expect(row(history, 2).locator(".deployment-cause")).toContainText("app");
  await expect(row(history, 2).getByRole("img", { name: /^waited .* s, cloned .* s, failed while building after .* s$/ })).toBeVisible();
  await expect(row(history, 1).getByRole("img", { name: /^waited .* s, cloned .* s, built .* s, deployed .* s$/ })).toBeVisible();
  await expect(history.locator("#record")).toContainText("50 % 1 of 2");
  await expect(history.locator("#record")).toContainText("1 app");
  await expectSamePage(history);
  await acting.goto(app.url);
  await expect(acting.locator(".recent-record")).toContainText("50 % of all 2 succeeded");
  await acting.close();
});

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with JavaScript" : "without JavaScript", () => {
    test.use({ javaScriptEnabled });

    test("deployments are found by filters, alone and together, and shown all again", async ({ page }) => {
      await page.goto(`${app.url}/deployments`);
      await expect(numbers(page)).toHaveText(["#2", "#1"]);
      await page.getByLabel("Status").selectOption("failed");
      await filter(page);
      await expect(page).toHaveURL(`${app.url}/deployments?status=failed&trigger=&cause=&commit=`);
      await expect(numbers(page)).toHaveText(["#2"]);
      await page.getByLabel("Cause").selectOption({ label: "git host" });
      await filter(page);
      await expect(page.getByRole("heading", { name: "No deployment matches." })).toBeVisible();
      await expect(page.getByLabel("Status"), "what was chosen stays").toHaveValue("failed");
      await page.getByRole("link", { name: "Clear filters" }).click();
      await expect(page).toHaveURL(`${app.url}/deployments`);
      const commit = await row(page, 1).locator(".commit code").innerText();
      await page.getByLabel("Commit").fill(commit.slice(0, 6));
      await page.keyboard.press("Enter");
      await expect(numbers(page)).toHaveText(["#1"]);
      await page.getByLabel("Commit").fill("main");
      await filter(page);
      await expect(page.locator("#commit-error")).toContainText("4 to 64 of the digits");
      await expect(page.getByRole("heading", { name: "Nothing was looked for." })).toBeVisible();
      await page.getByRole("link", { name: "Clear", exact: true }).click();
      await expect(numbers(page)).toHaveText(["#2", "#1"]);
    });
  });
}

test("everything in it is reached and done with the keyboard alone", async ({ page }) => {
  await page.goto(`${app.url}/deployments`);
  await tabTo(page, page.getByLabel("Status"));
  await page.keyboard.type("failed");
  await expect(page.getByLabel("Status")).toHaveValue("failed");
  for (const label of ["Trigger", "Cause", "Commit"]) await tabTo(page, page.getByLabel(label));
  await tabTo(page, page.getByRole("button", { name: "Filter" }));
  await page.keyboard.press("Enter");
  await expect(numbers(page)).toHaveText(["#2"]);
  await tabTo(page, page.getByRole("link", { name: "Clear", exact: true }));
  await page.keyboard.press("Enter");
  await expect(numbers(page)).toHaveText(["#2", "#1"]);
  // A row shows its focus around the whole of it.
  await tabTo(page, page.getByRole("button", { name: "Filter" }));
  await page.keyboard.press("Tab");
  await expect(row(page, 2).locator(".row-link")).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(row(page, 1).locator(".row-link")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(`${app.url}/deployments/1`);
});

test("older deployments are a page further, under the filter, too", async ({ page }) => {
  // Each is cancelled at once, unless it ends before: however it ends, it is a deployment.
  for (let count = 0; count < 51; count++) {
    const made = await page.request.post(`${app.url}/deployments`, { maxRedirects: 0 });
    expect(made.status()).toBe(303);
    expect((await page.request.post(`${made.headers().location}/cancellation`, { maxRedirects: 0 })).status()).toBeLessThan(500);
  }
  await page.goto(`${app.url}/deployments?trigger=manual`);
  await expect(numbers(page)).toHaveCount(50);
  const first = await numbers(page).allInnerTexts();
  await page.getByRole("link", { name: "Older" }).click();
  await expect(page).toHaveURL(/\/deployments\?trigger=manual&before=\d+$/);
  await expect(page.getByLabel("Trigger")).toHaveValue("manual");
  const all = [...first, ...(await numbers(page).allInnerTexts())];
  expect(all).toEqual(all.map((_, index) => `#${all.length - index}`));
  await page.getByRole("link", { name: "Newest" }).click();
  await expect(page).toHaveURL(`${app.url}/deployments?trigger=manual`);
});

test("it can be read and used on every screen, in light and in dark", async ({ page }) => {
  await page.goto(`${app.url}/deployments?before=6`);
  await expect(numbers(page)).toHaveCount(5);
  await expectGoodLook(page, "history");
  await page.goto(`${app.url}/deployments?status=failed&commit=main`);
  await expectGoodLook(page, "history-wrong");
  await page.goto(`${app.url}/deployments?status=failed&cause=internal`);
  await expectGoodLook(page, "history-nothing");
  await page.goto(app.url);
  await expect(page.locator(".recent-record")).toBeVisible();
  await expectGoodLook(page, "history-overview");
});

function row(page: Page, number: number): Locator {
  return page.locator(`#deployment-row-${number}`);
}

function numbers(page: Page): Locator {
  return page.locator(".deployment-row .row-link");
}

async function filter(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Filter" }).click();
}
