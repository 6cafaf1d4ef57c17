// What each app takes on the disk, what a clean-up would free, and the acts that free it.
import type { Page } from "@playwright/test";

import { type App, deploy, runningApp, status } from "../support/app";
import { expectGoodLook } from "../support/axe";
import { commitByHand, containerOf, made, startOrphan } from "../support/engine";
import { answer } from "../support/ports";
import { expect, installation, test } from "../support/signedIn";

const it = installation();
let shop: App;

test.describe.configure({ mode: "serial" });

// The first of six versions is kept by its pin alone, and of a seventh image nobody knows what it is.
test.beforeAll(async ({ browser }) => {
  const page = await browser.newPage();
  await it.forge.commit("shop", "hello", { message: "Work", files: { "index.html": "version 1" } });
  shop = await runningApp(page, it.forge, { slug: "shop" });
  await page.goto(`${shop.url}/deployments/1`);
  await page.getByRole("button", { name: "Pin" }).click();
  await expect(page.getByText("Unpin…")).toBeVisible();
  for (let version = 2; version <= 6; version++) {
    await it.forge.push("shop", { "index.html": `version ${version}` });
    await deploy(page, shop);
    await expect(status(page)).toHaveText("Success");
  }
  await commitByHand(await containerOf(it.server.instance, "shop"));
  await page.close();
});

test("it shows what each app takes, part by part", async ({ page }) => {
  const row = page.getByRole("table", { name: "What each app takes on the disk" }).getByRole("row").filter({ hasText: "shop" });
  await shown(page, () => row.locator('[data-label="Images"]').innerText(), /^\d+(\.\d+)? MB 7 images$/);
  await expect(row.getByRole("link", { name: "shop" })).toHaveAttribute("href", shop.url);
  for (const part of ["Mirror", "Journals", "Volumes folder", "Config files", "Builds"]) {
    await expect(row.locator(`[data-label="${part}"]`)).toHaveText(/^\d+(\.\d+)? [kM]?B$/);
  }
});

test("what a clean-up would free is shown before, and goes when somebody says so; what is needed stays", async ({ page }) => {
  const images = page.locator("#clean-up-images");
  await page.goto("/system");
  await expect(images).toContainText("Nothing is there to go");
  await page.goto(`${shop.url}/deployments/1`);
  await page.getByText("Unpin…").click();
  await expect(page.locator("#unpin form")).toContainText("Else the next clean-up removes its image and its configuration.");
  await expectGoodLook(page, "deployment-unpin");
  await page.getByRole("button", { name: "Unpin", exact: true }).click();
  await expect(page.getByRole("button", { name: "Pin", exact: true })).toBeVisible();
  await shown(page, () => images.innerText(), /A clean-up would free up to \d+(\.\d+)? [kMG]?B: shop #1\./);
  await expect(images.getByRole("button", { name: "Clean up now", exact: true })).toBeHidden();
  await page.getByText("Clean up now…").click();
  await expect(images.locator("form")).toContainText("the last one of each of the last five images");

  const [{ Labels: labels }] = (await made(it.server.instance)).containers;
  const [image] = (await made(it.server.instance, 6)).images;
  await startOrphan(it.server.instance, image, labels["upaas.app"]);
  await startOrphan(it.server.instance, image);
  await expect.poll(async () => (await page.goto("/system")) && page.locator(".orphan-row").count()).toBe(2);
  await expect(page.getByRole("heading", { name: "Unknown image" })).toBeVisible();
  await page.getByText("Clean up now…").click();
  await page.locator("#prune-cache summary").click();
  await expectGoodLook(page, "system-clean-up");

  await images.getByRole("button", { name: "Clean up now", exact: true }).click();
  await expect(page).toHaveURL("/system#clean-up");
  await expect(images).toContainText("Last time");
  await expect(images).toContainText("Nothing is there to go");
  expect((await made(it.server.instance, 1)).images).toEqual([]);
  for (let kept = 2; kept <= 6; kept++) expect((await made(it.server.instance, kept)).images, `#${kept}`).toHaveLength(1);
  expect((await made(it.server.instance, 99)).images, "nobody knows what it is").toHaveLength(1);
  expect(await answer(shop.port)).toBe("version 6");
  await page.goto(`${shop.url}/deployments/1`);
  await expect(page.locator(".summary")).toContainText("removed");
  await expect(page.getByRole("link", { name: "Roll back…" })).toHaveCount(0);
});

test("an image that nobody knows goes when somebody says so", async ({ page }) => {
  await page.goto("/system");
  const row = page.locator(".clean-up-row").filter({ has: page.getByRole("heading", { name: "Unknown image" }) });
  await expect(row).toContainText("Its labels say that #99 of app shop has built it");
  await row.getByText("Remove…").click();
  await row.getByRole("button", { name: "Remove image" }).click();
  await expect(row).toHaveCount(0);
  expect((await made(it.server.instance, 99)).images).toEqual([]);
});

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with JavaScript" : "without JavaScript", () => {
    test.use({ javaScriptEnabled });

    test("the builder's cache is not pruned before it was said what that means to others", async ({ page }) => {
      const cache = page.locator("#builder-cache");
      await shown(page, () => cache.innerText(), /\d+(\.\d+)? [kMG]?B, of which \d+(\.\d+)? [kMG]?B could go now\./);
      const prune = cache.getByRole("button", { name: "Prune the builder’s cache" });
      await expect(prune).toBeHidden();
      await cache.getByText("Prune…").click();
      await expect(prune).toBeVisible();
      await expect(cache.locator("form")).toContainText("It belongs to everybody who builds on this engine, not to µPaaS alone.");
      await expect(cache.locator("form")).toHaveAttribute("action", "/system/builder-cache/pruning");
      await expect(cache.locator("form")).toHaveAttribute("method", "post");
    });
  });
}

/** The system page says it, perhaps after the engine was asked anew. */
async function shown(page: Page, said: () => Promise<string>, what: RegExp): Promise<void> {
  await expect.poll(async () => (await page.goto("/system")) && said()).toMatch(what);
}
