// An app from restart to its end, and what becomes of changes that somebody makes to its container outside µPaaS.
import type { Page } from "@playwright/test";

import { type App, runningApp, state, status, stop } from "../support/app";
import { expectGoodLook } from "../support/axe";
import { containerOf, inspect, made, pauseByHand, renameByHand, startOrphan } from "../support/engine";
import { tabTo } from "../support/keyboard";
import { expectSamePage, openOnce } from "../support/once";
import { answer } from "../support/ports";
import { expect, installation, test } from "../support/signedIn";

const it = installation({ engineOnWire: true });
let shop: App;

test.describe.configure({ mode: "serial" });

test.beforeAll(async ({ browser }) => {
  const page = await browser.newPage();
  shop = await running(page, "shop");
  await page.close();
});

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with JavaScript" : "without JavaScript", () => {
    test.use({ javaScriptEnabled });

    test("a restart is a restart: the same container, and no deployment", async ({ page }) => {
      const before = await inspect(it.server.instance, "shop");
      await page.goto(shop.url);
      await page.getByRole("button", { name: "Restart" }).click();
      await expect(page).toHaveURL(shop.url);
      await expect(state(page)).toHaveText("Running");
      const after = await inspect(it.server.instance, "shop");
      expect(after.Id).toBe(before.Id);
      expect(Date.parse(after.State.StartedAt)).toBeGreaterThan(Date.parse(before.State.StartedAt));
      await expect.poll(() => answer(shop.port)).toBe("shop");
      await expect(page.locator("#recent-deployments .row")).toHaveCount(1);
    });

    test("it is stopped and started, and offers only what can be done", async ({ page }) => {
      await page.goto(shop.url);
      await stop(page);
      await expect(state(page)).toHaveText("Stopped");
      await expect(page.getByRole("button", { name: "Restart" })).toHaveCount(0);
      await page.getByRole("button", { name: "Start", exact: true }).click();
      await expect(state(page)).toHaveText("Running");
      await expect.poll(() => answer(shop.port)).toBe("shop");
    });

    test("an app is deleted when its slug is typed, and nothing else deletes it", async ({ page }) => {
      const slug = javaScriptEnabled ? "gone" : "gone-too";
      const gone = await running(page, slug);
      await page.goto(`${gone.url}/settings`);
      const section = page.locator("#deletion");
      await expect(section).toContainText("What goes: the container");
      await expect(section).toContainText("What stays: named volumes");
      await page.getByLabel("Delete the folders of its relative volumes, too").check();
      await page.getByLabel(`Type ${slug} to delete it`).fill("Gone");
      await page.getByRole("button", { name: "Delete this app" }).click();
      await expect(page.locator("#slug-error")).toHaveText(`Type ${slug} to delete it; nothing was done.`);
      await expect(page.locator("#slug-error")).toBeInViewport();
      await expect(page.getByLabel(`Type ${slug} to delete it`)).toHaveValue("Gone");
      await expect(page.getByLabel("Delete the folders of its relative volumes, too")).toBeChecked();
      expect(await answer(gone.port)).toBe(slug);
      if (javaScriptEnabled) await expectGoodLook(page, "app-deletion-wrong");
      await page.getByLabel(`Type ${slug} to delete it`).fill(slug);
      await page.getByRole("button", { name: "Delete this app" }).click();
      await expect(page).toHaveURL("/");
      await expect(page.locator(`#app-${slug}`)).toHaveCount(0);
      await expect.poll(() => left(slug)).toEqual([]);
      expect((await page.goto(gone.url))?.status()).toBe(404);
    });
  });
}

test("a paused container is shown as that, and restarted", async ({ page }) => {
  await page.goto(shop.url);
  await pauseByHand(await containerOf(it.server.instance, "shop"));
  await expect(state(page)).toHaveText("Paused");
  await expect(page.locator(".page-hint")).toContainText("is paused, outside µPaaS: it answers nothing.");
  await expectGoodLook(page, "app-container-paused");
  await page.getByRole("button", { name: "Restart" }).click();
  await expect(state(page)).toHaveText("Running");
  await expect.poll(() => answer(shop.port)).toBe("shop");
});

test("what somebody changed of the container is shown, and undone by making it anew, with the keyboard alone", async ({ page }) => {
  await renameByHand(await containerOf(it.server.instance, "shop"), `renamed-${it.server.instance}`);
  await page.goto("/");
  await expect(page.locator("#app-shop .tag")).toHaveText("changed outside µPaaS");
  await expectGoodLook(page, "apps-drift");
  await page.goto(shop.url);
  const table = page.getByRole("table", { name: "What was changed outside µPaaS" });
  await expect(table.getByRole("row", { name: "Name" })).toContainText(`renamed-${it.server.instance}`);
  await expectGoodLook(page, "app-drift");
  await tabTo(page, page.getByRole("button", { name: "Make it anew" }));
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(`${shop.url}/deployments/2`);
  await expect(status(page)).toHaveText("Success");
  await page.goto(shop.url);
  await expect(table).toHaveCount(0);
  expect(await answer(shop.port)).toBe("shop");
});

test("a container of ours that nobody knows is adopted, with what differs told", async ({ page }) => {
  const serving = await containerOf(it.server.instance, "shop");
  const { images } = await made(it.server.instance);
  const orphan = await startOrphan(it.server.instance, images[0], serving.Labels["upaas.app"]);
  await page.goto("/system");
  await expect(page.locator(".orphan-row")).toContainText("of shop");
  await page.getByText("Adopt…").click();
  await expectGoodLook(page, "system-adopt-asked");
  await page.getByRole("button", { name: "Adopt container" }).click();
  await page.goto(shop.url);
  await expect(page.locator("#drift-title")).toBeVisible();
  await expect.poll(async () => (await made(it.server.instance)).containers.map((it) => it.Id)).toEqual([orphan]);
});

test("a deletion waits for the engine, is seen waiting, and goes on by itself", async ({ page, context }) => {
  const apps = await openOnce(context, "/", page);
  await it.engine!.cut();
  await expect(apps.locator("#engine-alert .alert")).toBeVisible();
  const acting = await context.newPage();
  await acting.goto(`${shop.url}/settings`);
  await acting.getByLabel("Type shop to delete it").fill("shop");
  await acting.keyboard.press("Enter");
  await expect(acting).toHaveURL("/");
  await acting.goto("/apps/new");
  await acting.getByLabel("Slug").fill("shop");
  await acting.getByLabel("Repository URL").fill(it.forge.url("shop"));
  await acting.getByRole("button", { name: "Create app" }).click();
  await expect(acting.locator("#slug-error")).toContainText("still being deleted");
  await acting.close();
  const row = apps.locator(".deletion-row");
  await expect(row).toContainText("shop is being deleted, as admin asked");
  await expect(row).toContainText("It waits for the engine, which cannot be reached. Then it goes on by itself.");
  await expectGoodLook(apps, "apps-deleting");
  await it.engine!.mend();
  await expect(row).toHaveCount(0);
  await expectSamePage(apps);
  expect(await left("shop")).toEqual([]);
});

async function running(page: Page, slug: string): Promise<App> {
  await it.forge.commit(slug, "hello", { message: "Work", files: { "index.html": slug } });
  return runningApp(page, it.forge, { slug });
}

/** What the engine still has of an app. */
async function left(slug: string): Promise<string[]> {
  const { containers, images } = await made(it.server.instance);
  return [...containers, ...images].filter((it) => it.Labels["upaas.slug"] === slug).map((it) => it.Id);
}
