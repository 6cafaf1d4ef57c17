import { readdir, readFile } from "node:fs/promises";

import { connectedApp, deploy, status } from "../support/app";
import { made } from "../support/engine";
import { answer } from "../support/ports";
import { expect, installation, test } from "../support/signedIn";

const it = installation();

test("a running build is cancelled from its page: the work ends, the old version still answers", async ({ page }) => {
  await it.forge.commit("shop", "hello", { message: "Work", files: { "index.html": "the good version" } });
  const shop = await connectedApp(page, it.forge, { slug: "shop" });
  await deploy(page, shop);
  await expect(status(page)).toHaveText("Success");

  // A number of its own, so that it can be found among the machine's processes.
  const seconds = String(100_000 + Math.floor(Math.random() * 900_000));
  await it.forge.commit("shop", "slow-build", { message: "Take a while", files: { seconds } });
  await deploy(page, shop);
  await expect(page.locator("#journal")).toContainText("this takes a while");
  await expect(status(page)).toHaveText("Building");
  await expect(page.locator("#journal .live")).toContainText("live");
  await expect.poll(() => processes(`sleep ${seconds}`)).toHaveLength(1);

  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(status(page)).toHaveText("Cancelled");
  await expect(page.locator(".note")).toContainText("Cancelled by admin while building.");
  await expect(page.locator(".serving")).toHaveText("#1 still serves.");
  await expect(page.locator("#journal")).toContainText("Ended: cancelled");
  await expect(page.getByRole("button", { name: "Cancel" })).toHaveCount(0);
  await expect.poll(() => processes(`sleep ${seconds}`), "the build step ends with the build").toEqual([]);
  expect(await made(it.server.instance, 2)).toEqual({ containers: [], images: [] });
  expect(await answer(shop.port)).toBe("the good version");

  await test.step("a cancelled deployment can be tried again, with exactly its commit", async () => {
    await it.forge.commit("shop", "hello", { message: "Work again", files: { "index.html": "the next version" } });
    await page.getByRole("button", { name: "Retry" }).click();
    await expect(page).toHaveURL(`${shop.url}/deployments/3`);
    await expect(page.locator(".summary")).toContainText("Take a while");
    await expect(status(page)).toHaveText("Building");
    await page.getByRole("button", { name: "Cancel" }).click();
    await expect(status(page)).toHaveText("Cancelled");
  });

  await test.step("and another commit takes its place", async () => {
    await deploy(page, shop);
    await expect(status(page)).toHaveText("Success");
    expect(await answer(shop.port)).toBe("the next version");
  });
});

test("a deployment that waits behind another one is cancelled before it starts", async ({ page }) => {
  const seconds = String(100_000 + Math.floor(Math.random() * 900_000));
  await it.forge.commit("queue", "slow-build", { message: "Take a while", files: { seconds } });
  const queue = await connectedApp(page, it.forge, { slug: "queue" });
  await deploy(page, queue);
  await expect(status(page)).toHaveText("Building");
  await deploy(page, queue);
  await expect(status(page)).toHaveText("Queued");
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(status(page)).toHaveText("Cancelled");
  await page.goto(`${queue.url}/deployments/1`);
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(status(page)).toHaveText("Cancelled");
});

/** The ids of this machine's processes with exactly this command line; a build step is one of them. */
async function processes(command: string): Promise<string[]> {
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(ids.map(async (id) => readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "")));
  return ids.filter((_, at) => lines[at].replaceAll("\0", " ").trim() === command);
}
