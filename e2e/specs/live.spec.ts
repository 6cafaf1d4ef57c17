// Pages that are open tell what happens while it happens, without a reload.
import type { Page } from "@playwright/test";

import { type App, connectWebhook, runningApp, state, status } from "../support/app";
import { containerOf, stopByHand } from "../support/engine";
import { expectWhole, lines, pixelsToEnd, printed, printedNumber, printing } from "../support/journal";
import { expectSamePage, openOnce } from "../support/once";
import { answer } from "../support/ports";
import { expect, installation, test } from "../support/signedIn";

const it = installation();
let shop: App;
/** The number of the newest deployment. */
let newest = 1;

test.beforeAll(async ({ browser }) => {
  const page = await browser.newPage();
  await it.forge.commit("shop", "scripted-build", { message: "Work", files: { "index.html": "version 1" } });
  shop = await runningApp(page, it.forge, { slug: "shop" });
  await connectWebhook(page, it.forge, shop);
  await page.close();
});

test("a push is seen on every open page, and its journal line by line, until the new version answers", async ({ page, context }) => {
  const overview = await openOnce(context, shop.url);
  const list = await openOnce(context, "/");
  await expect(list).toHaveTitle("Apps · µPaaS");
  await push({ "index.html": "version 2", "build.sh": printing({ lines: 240, perSecond: 8 }) });

  await test.step("the list and the app's page tell of it", async () => {
    await expect(list.locator("#app-shop").getByRole("link", { name: `Building #${newest}` })).toBeVisible();
    await expect(list.locator("#app-shop .phase-bar .phase-current")).toHaveCount(1);
    await expect(list).toHaveTitle("● Apps · µPaaS");
    await expect(overview).toHaveTitle(`● #${newest} Building: shop · µPaaS`);
    await expect(overview.locator("#recent-deployments .row").first()).toContainText("Building");
    await expect(overview.locator("#favicon")).toHaveAttribute("href", /favicon-busy/);
  });

  await test.step("the deployment's page shows the lines as they come and follows them", async () => {
    await openOnce(context, `${shop.url}/deployments/${newest}`, page);
    await expect(page).toHaveTitle(`● #${newest} Building: shop · µPaaS`);
    await expect(page.locator("#favicon")).toHaveAttribute("href", /favicon-busy/);
    await expect(page.locator("#journal-state")).toContainText("live");
    const before = (await lines(page)).length;
    for (const more of [5, 10]) {
      await expect.poll(async () => (await lines(page)).length, { intervals: [100] }).toBeGreaterThanOrEqual(before + more);
      await expect.poll(() => pixelsToEnd(page)).toBeLessThanOrEqual(1);
    }
    expect(await printed(page, 240).count(), "it is still under way").toBe(0);
  });

  await test.step("how long it takes is counted on", async () => {
    for (const running of [page.locator(".phase-current .phase-duration"), page.locator(".page-meta .lasting")]) {
      const seen = await running.innerText();
      expect(seen).toMatch(/^\d+(\.\d)? s$/);
      await expect.poll(async () => parseFloat(await running.innerText())).toBeGreaterThan(parseFloat(seen));
    }
  });

  await test.step("and then how it ended, everywhere", async () => {
    await expect(page).toHaveTitle(`✓ #${newest} Success: shop · µPaaS`);
    await expect(status(page)).toHaveText("Success");
    await expect(page.locator("#favicon")).toHaveAttribute("href", /favicon(-[0-9a-z]+)?\.svg/);
    await expect(page.locator("#favicon")).not.toHaveAttribute("href", /busy|failed/);
    await expect(page.locator(".phase-done")).toHaveCount(await page.locator(".phase").count());
    expect((await expectWhole(page)).filter(printedNumber)).toHaveLength(240);
    expect(await answer(shop.port)).toBe("version 2");
    await expect(overview.locator("#live-title")).toHaveText(`Live deployment #${newest}`);
    await expect(overview).toHaveTitle("✓ Running: shop · µPaaS");
    await expect(list).toHaveTitle("Apps · µPaaS");
    await expect(list.locator("#app-shop .phase-bar")).toHaveCount(0);
  });

  for (const open of [page, overview, list]) await expectSamePage(open);
});

test("a build that breaks is told on the open page, with its last words, and the old version serves on", async ({ page, context }) => {
  const was = await answer(shop.port);
  await push({ "build.sh": `${printing({ lines: 120, perSecond: 8 })}echo "the compiler is not amused" >&2; exit 3\n` });
  await openOnce(context, `${shop.url}/deployments/${newest}`, page);
  await expect(printed(page, 10)).toBeVisible();
  await expect(page.locator(".failure")).toHaveCount(0);

  const failure = page.locator(".failure");
  await expect(failure.getByRole("heading")).toHaveText("Build failed");
  await expect(failure.locator(".failure-sentence")).toContainText("exited with 3.");
  await expect(failure.locator(".lines-tail")).toContainText("line 120");
  await expect(failure.locator(".lines-tail")).toContainText("the compiler is not amused");
  await expect(failure).toContainText("still serves.");
  await expect(page).toHaveTitle(`✕ #${newest} Failed: shop · µPaaS`);
  await expect(page.locator("#favicon")).toHaveAttribute("href", /favicon-failed/);
  await expect(page.locator("#announcer")).toHaveText(`Deployment #${newest}: Failed`);
  await expectWhole(page);
  await expectSamePage(page);
  expect(await answer(shop.port)).toBe(was);
});

test("two tabs show the same, and one that was hidden catches up without a gap", async ({ page, context }) => {
  await push({ "build.sh": printing({ perSecond: 20 }) });
  await openOnce(context, `${shop.url}/deployments/${newest}`, page);
  await expect(printed(page, 3)).toBeVisible();
  const second = await openOnce(context, `${shop.url}/deployments/${newest}`);
  await expect.poll(async () => (await lines(second)).length).toBeGreaterThan((await lines(page)).length);

  await setHidden(second, true);
  await expect(second.locator("html")).toHaveAttribute("data-connection", "paused");
  const missed = (await lines(page)).length + 40;
  const paused = (await lines(second)).length;
  await expect.poll(async () => (await lines(page)).length).toBeGreaterThan(missed);
  expect((await lines(second)).length, "a tab that nobody sees asks for nothing").toBe(paused);
  await setHidden(second, false);
  await expect.poll(async () => (await lines(second)).length).toBeGreaterThan(missed);

  await page.getByRole("button", { name: "Cancel" }).click();
  for (const tab of [page, second]) await expect(status(tab)).toHaveText("Cancelled");
  expect(await expectWhole(page)).toEqual(await expectWhole(second));
  await expectSamePage(second);
});

test("a tab that is hidden until the deployment is over shows all of it", async ({ page, context }) => {
  await push({ "build.sh": printing({ perSecond: 20 }) });
  await openOnce(context, `${shop.url}/deployments/${newest}`, page);
  const hidden = await openOnce(context, `${shop.url}/deployments/${newest}`);
  await expect(hidden.locator("html")).toHaveAttribute("data-connection", "up");
  await setHidden(hidden, true);
  await expect(hidden.locator("html")).toHaveAttribute("data-connection", "paused");
  await expect(printed(page, 20)).toBeVisible();
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(status(page)).toHaveText("Cancelled");
  await setHidden(hidden, false);
  await expect(status(hidden)).toHaveText("Cancelled");
  await expectWhole(hidden);
  await expectSamePage(hidden);
});

test("a container that is stopped by hand is shown on open pages within seconds", async ({ page, context }) => {
  await openOnce(context, shop.url, page);
  const list = await openOnce(context, "/");
  await stopByHand(await containerOf(it.server.instance, "shop"));
  await expect(state(page)).toHaveText("Stopped", { timeout: 15_000 });
  await expect(list.locator("#app-shop .badge")).toHaveText("Stopped", { timeout: 15_000 });
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await expect(list.locator("#app-shop .badge")).toHaveText("Running");
});

/** Pushes what the app's webhook deploys. */
async function push(files: Record<string, string>): Promise<void> {
  await it.forge.push("shop", files);
  newest++;
}

/** As when another tab is chosen. A browser without windows hides none. */
async function setHidden(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate((hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => (hidden ? "hidden" : "visible") });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
}
