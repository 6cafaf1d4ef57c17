import type { Page } from "@playwright/test";

import { type App, connectWebhook, lastDelivery, runningApp, state, stop } from "../support/app";
import { containerOf, removeByHand, stopByHand } from "../support/engine";
import { answer } from "../support/ports";
import { expect, installation, test } from "../support/signedIn";

const it = installation();
let shop: App;

test.beforeAll(async ({ browser }) => {
  const page = await browser.newPage();
  await it.forge.commit("shop", "hello", { message: "Work", files: { "index.html": "the first version" } });
  shop = await runningApp(page, it.forge, { slug: "shop" });
  await connectWebhook(page, it.forge, shop);
  await page.close();
});

// Whatever was done to it: afterwards it serves what it served, without a new deployment.
test.afterEach(async ({ page }) => {
  expect(await answer(shop.port)).toBe("the first version");
  await page.goto(shop.url);
  await expect(page.locator("#live-title")).toHaveText("Live deployment #1");
  await expect(page.locator("#recent-deployments .row")).toHaveCount(1);
});

test("a stopped app does not answer and is not pushed awake, until it is started", async ({ page }) => {
  await page.goto(shop.url);
  await stop(page);
  await expect(state(page)).toHaveText("Stopped");
  expect(await answer(shop.port)).toContain("no answer");
  await pushInVain(page, "the app is stopped. Start it on its page, then pushes deploy again.");
  await start(page, "Start");
});

test("a container that somebody stops by hand is taken for a stopped app", async ({ page }) => {
  await page.goto(shop.url);
  await stopByHand(await containerOf(it.server.instance, "shop"));
  await expect.poll(async () => (await page.reload()) && state(page).innerText()).toBe("Stopped");
  await pushInVain(page, "the app is stopped.");
  await start(page, "Start");
});

test("a container that somebody removes by hand is made again from the same image", async ({ page }) => {
  await page.goto(shop.url);
  await removeByHand(await containerOf(it.server.instance, "shop"));
  await expect.poll(async () => (await page.reload()) && state(page).innerText()).toBe("Container removed");
  await expect(page.locator(".page-hint")).toContainText("The container of #1 was removed behind µPaaS's back.");
  expect(await answer(shop.port)).toContain("no answer");
  await start(page, "Start again");
});

test("while auto-deploy is paused pushes are ignored, and the app serves on", async ({ page }) => {
  await page.goto(shop.url);
  await page.getByRole("button", { name: "Pause auto-deploy" }).click();
  await expect(page.locator(".paused")).toContainText("Auto-deploy is paused: pushes are ignored. By admin");
  await expect(page.locator("#app-state .tag")).toHaveText("auto-deploy paused");
  await pushInVain(page, "auto-deploy is paused (by admin). Resume it on the app's page.");
  await page.getByRole("button", { name: "Resume auto-deploy" }).click();
  await expect(page.getByRole("button", { name: "Pause auto-deploy" })).toBeVisible();
  await expect(state(page)).toHaveText("Running");
});

test("a page that is left open shows what somebody does to the container", async ({ page }) => {
  await page.goto(shop.url);
  await expect(state(page)).toHaveText("Running");
  await stopByHand(await containerOf(it.server.instance, "shop"));
  await expect(state(page)).toHaveText("Stopped");
  await start(page, "Start");
});

/** Presses the button and sees the app answer again. */
async function start(page: Page, button: "Start" | "Start again"): Promise<void> {
  await page.getByRole("button", { name: button, exact: true }).click();
  await expect(state(page)).toHaveText("Running");
  await expect.poll(() => answer(shop.port)).toBe("the first version");
}

/** Pushes what is not deployed, and sees why, in the forge and on the app's page. */
async function pushInVain(page: Page, why: string): Promise<void> {
  await it.forge.push("shop", { "index.html": "a version that nobody sees" });
  const [delivery] = (await it.forge.deliveries("shop")).slice(-1);
  expect([delivery.status, delivery.answer]).toEqual([200, expect.stringContaining(`ignored: ${why}`)]);
  await page.goto(shop.url);
  await expect(lastDelivery(page)).toContainText(why);
}
