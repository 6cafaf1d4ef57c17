import type { Page } from "@playwright/test";

import {
  type App,
  connectedApp,
  connectWebhook,
  deploy,
  type HookSettings,
  lastDelivery,
  revealWebhook,
  runningApp,
  status,
} from "../support/app";
import { answer } from "../support/ports";
import { expect, installation, test } from "../support/signedIn";

const it = installation();

test("git push deploys: from the secret on the page to the version that answers, and back to the first by force", async ({ page }) => {
  const first = await it.forge.commit("shop", "hello", { message: "Work", files: { "index.html": "version A" } });
  const shop = await connectedApp(page, it.forge, { slug: "shop" });
  let hook: HookSettings;

  await test.step("the page says how: a URL, and a secret that shows when it is asked for", async () => {
    await expect(page.getByRole("heading", { name: "Add the webhook in Gitea" })).toBeVisible();
    await expect(page.locator("#webhook")).toContainText("No delivery yet.");
    await expect(page.locator("#webhook-secret")).toHaveCount(0);
    hook = await revealWebhook(page);
    expect(hook.url).toContain(`${it.server.url}/webhook/`);
    expect(hook.secret.length).toBeGreaterThanOrEqual(32);
    await expect(page, "the secret came into the page, not into its address").toHaveURL(/\/apps\/shop(#connection)?$/);
    await page.reload();
    await expect(page.locator("#webhook-secret"), "and is gone with it").toHaveCount(0);
  });

  await test.step("the forge's test delivery is told to both", async () => {
    await it.forge.connectWebhook("shop", hook.url, hook.secret);
    const delivery = await it.forge.testDelivery("shop");
    expect(delivery.status).toBe(200);
    expect(delivery.answer).toContain("ignored: test received, signature valid.");
    await page.goto(shop.url);
    await expect(lastDelivery(page)).toContainText("test received, signature valid");
    await expect(page.locator(".step-done")).toContainText(["Add the deploy key", "Test the connection", "Add the webhook in Gitea"]);
  });

  await test.step("what is pushed is deployed", async () => {
    await deploy(page, shop);
    await expect(status(page)).toHaveText("Success");
    const second = await it.forge.push("shop", { "index.html": "version B" }, { message: "Say B" });
    await expect.poll(() => answer(shop.port)).toBe("version B");
    await expectLive(page, shop, 2, second);
    await expect(page.locator(".facts-row")).toContainText("webhook by dev");
    const [delivery] = (await it.forge.deliveries("shop")).slice(-1);
    expect(delivery.status).toBe(202);
    expect(delivery.answer, "the forge's history leads to the deployment").toContain(`${it.server.url}/apps/shop/deployments/2`);
  });

  await test.step("a branch that is forced back to a commit that served before is deployed too", async () => {
    await it.forge.forcePush("shop", first);
    await expect.poll(() => answer(shop.port)).toBe("version A");
    await expectLive(page, shop, 3, first);
  });

  await test.step("another branch and a tag are not, and the list says why", async () => {
    await it.forge.push("shop", { "index.html": "version C" }, { branch: "feature/basket" });
    await it.forge.pushTag("shop", "v1");
    await page.getByRole("link", { name: "All deliveries" }).click();
    await expect(page.getByRole("row").locator(".delivery-reason")).toHaveText([
      "v1 is a tag; “shop” deploys branch main.",
      "the push is to feature/basket; “shop” deploys main.",
      `#3 of “shop” is queued: ${first.slice(0, 8)} on main.`,
      /^#2 of “shop” is queued: \w{8} on main\.$/,
      "test received, signature valid. Pushes to main reach “shop”.",
    ]);
    await expect(page.getByRole("row").locator(".badge")).toHaveText(["Ignored", "Ignored", "Deploy", "Deploy", "Ignored"]);
    await expect(page.getByRole("row", { name: /is a tag/ })).toContainText("refs/tags/v1 by dev");
    await page.getByRole("link", { name: "Deployment #3" }).click();
    await expect(page).toHaveURL(`${shop.url}/deployments/3`);
    await expect(status(page)).toHaveText("Success");
  });

  await test.step("with a wrong secret nothing is deployed, and both sides say what to do", async () => {
    await it.forge.connectWebhook("shop", hook.url, "not the secret");
    await it.forge.push("shop", { "index.html": "version D" });
    const [delivery] = (await it.forge.deliveries("shop")).slice(-1);
    const hint = "the signature does not match: is the webhook's secret the one on the page of “shop”?";
    expect([delivery.status, delivery.answer]).toEqual([401, expect.stringContaining(`rejected: ${hint}`)]);
    await page.goto(shop.url);
    await expect(lastDelivery(page).locator(".badge-failed")).toHaveText("Rejected");
    await expect(lastDelivery(page)).toContainText(hint);
    await expectLive(page, shop, 3, first);
    expect(await answer(shop.port)).toBe("version A");
  });
});

test("a page that is left open shows what a push has brought", async ({ page }) => {
  await it.forge.commit("open", "hello", { message: "Work", files: { "index.html": "version A" } });
  const open = await runningApp(page, it.forge, { slug: "open" });
  await connectWebhook(page, it.forge, open);
  await expect(page.locator("#live-title")).toContainText("#1");
  await it.forge.push("open", { "index.html": "version B" });
  await expect(page.locator("#live-title")).toContainText("#2");
  await expect(lastDelivery(page)).toContainText("#2 of “open” is queued");
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("the secret is revealed, and it is the right one", async ({ page }) => {
    await it.forge.commit("plain", "hello", { message: "Work" });
    const plain = await connectedApp(page, it.forge, { slug: "plain" });
    await connectWebhook(page, it.forge, plain);
    await expect(page.locator("#webhook-secret")).toHaveCount(0);
    expect((await it.forge.testDelivery("plain")).answer).toContain("signature valid");
    await page.goto(plain.url);
    await expect(lastDelivery(page)).toContainText("test received, signature valid");
  });
});

/** The app's page says which deployment serves, and which commit that is. */
async function expectLive(page: Page, app: App, number: number, commit: string): Promise<void> {
  await page.goto(app.url);
  await expect(page.locator("#live-title")).toHaveText(`Live deployment #${number}`);
  await expect(page.locator("#app-state .commit code")).toHaveText(commit.slice(0, 8));
}
