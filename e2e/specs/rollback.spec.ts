// Going back to an earlier version: two clicks, no build, no git server; what comes of pushes then; and what is kept for it.
import type { Page } from "@playwright/test";

import { type App, connect, authorise, connectWebhook, createApp, deploy, lastDelivery, status } from "../support/app";
import { expectGoodLook } from "../support/axe";
import { inspect } from "../support/engine";
import { tabTo } from "../support/keyboard";
import { answer } from "../support/ports";
import { expect, installation, test } from "../support/signedIn";

const it = installation();
const OLD = "the-old-value";
const NEW = "the-new-value";
let shop: App;

// Each goes on where the one before has left the app.
test.describe.configure({ mode: "serial" });

// #1 and #2 run with the old value of a variable, #3 with the new one.
test.beforeAll(async ({ browser }) => {
  const page = await browser.newPage();
  await it.forge.commit("shop", "hello", { message: "Serve the first version", files: { "index.html": "first" } });
  shop = await createApp(page, it.forge, { slug: "shop" });
  await authorise(page, it.forge, "shop");
  await connect(page);
  await page.goto(`${shop.url}/settings`);
  await page.locator("#env_name").fill("TOKEN");
  await page.locator("#env_value").fill(OLD);
  await page.getByRole("button", { name: "Add variable" }).click();
  await expect(page.locator("#env-TOKEN")).toHaveCount(1);
  await deploy(page, shop);
  await expect(status(page)).toHaveText("Success");
  await connectWebhook(page, it.forge, shop);
  await it.forge.push("shop", { "index.html": "second" }, { message: "Serve the second version" });
  await page.goto(`${shop.url}/deployments/2`);
  await expect(status(page)).toHaveText("Success");
  await page.goto(`${shop.url}/settings`);
  await page.getByLabel("Edit TOKEN…").click();
  await page.locator("#env_new_value-TOKEN").fill(NEW);
  await page.locator("#environment").getByRole("button", { name: "Save value" }).filter({ visible: true }).click();
  await expect(page.locator("#pending-title")).toBeVisible();
  await it.forge.push("shop", { "index.html": "third" }, { message: "Serve the third version" });
  await page.goto(`${shop.url}/deployments/3`);
  await expect(status(page)).toHaveText("Success");
  await page.close();
});

test("any two deployments are compared", async ({ page }) => {
  await page.goto(`${shop.url}/deployments/3`);
  await page.getByRole("link", { name: "Compare with #2, the one before" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("#2 and #3 compared");
  await expect(page.getByRole("table", { name: "Settings that differ" })).toContainText("Variable TOKEN");
  await expect(page.getByRole("list", { name: "Only in #3: 1 commit" })).toContainText("Serve the third version");
  await page.getByRole("link", { name: "The other way round" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("#3 and #2 compared");
  await page.getByLabel("with").fill("#1");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("#3 and #1 compared");
  await expect(page.getByRole("list", { name: "Only in #3: 2 commits" }).getByRole("listitem")).toHaveCount(2);
  await expectGoodLook(page, "compare");
  await page.getByLabel("Compare", { exact: true }).fill("2");
  await page.keyboard.press("Enter");
  await expect(page.getByText("No setting differs.")).toBeVisible();
  await page.getByLabel("with").fill("#99");
  await page.keyboard.press("Enter");
  await expect(page.locator("#to-error")).toHaveText("“shop” has no deployment #99.");
  await expect(page.getByLabel("with")).toBeFocused();
  await expect(page.getByLabel("Compare", { exact: true })).toHaveValue("2");
  await expectGoodLook(page, "compare-wrong");
});

test("two clicks go back, after what differs was shown, and the git server is not needed", async ({ page }) => {
  await it.forge.hangUp();
  await page.goto(shop.url);
  await page.getByRole("link", { name: "Roll back…" }).first().click();

  await test.step("what would change", async () => {
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Roll back to #2");
    await expect(page.locator("#rollback")).toContainText("Nothing is built, and no git server is asked.");
    await expect(page.locator("#rollback")).toContainText("Auto-deploy is paused: pushes wait until you resume it.");
    await expect(page.getByRole("region", { name: "Serves now: #3" })).toContainText("Serve the third version");
    await expect(page.getByRole("region", { name: "Back to: #2" })).toContainText("Serve the second version");
    const settings = page.getByRole("table", { name: "Settings that differ" });
    await expect(settings.getByRole("row")).toHaveText([/Setting/, /Variable TOKEN/]);
    await expect(page.getByRole("list", { name: "Go away: 1 commit" })).toContainText("Serve the third version");
    await expect(page.getByRole("list", { name: /^Come back/ })).toHaveCount(0);
    const source = await page.content();
    for (const secret of [OLD, NEW]) expect(source).not.toContain(secret);
    await expectGoodLook(page, "rollback");
  });

  await test.step("it is done", async () => {
    await page.getByRole("button", { name: "Roll back to #2" }).click();
    await expect(page).toHaveURL(`${shop.url}/deployments/4`);
    await expect(status(page)).toHaveText("Success");
    await expect(page.locator("#back-to")).toContainText("Went back to #2");
    await expect(page.locator("#phases .phase"), "nothing is fetched or built").toHaveText([/queued/, /deployed/]);
    expect(await answer(shop.port)).toBe("second");
    await expectToken(OLD);
    await expectGoodLook(page, "deployment-rollback");
  });
  await it.forge.listen();
});

test("the next push waits, as the app's page says, until somebody resumes auto-deploy", async ({ page }) => {
  await page.goto(shop.url);
  await expect(page.locator("#app-state .tag")).toHaveText("auto-deploy paused");
  await expect(page.locator(".paused")).toContainText("By the rollback to #2 by admin");
  await expect(page.locator("#app-state")).toContainText("1 change is not applied yet.");
  await expect(page.locator("#drift-title"), "nobody else has changed the container").toHaveCount(0);
  await expectGoodLook(page, "app-after-rollback");
  await it.forge.push("shop", { "index.html": "fourth" }, { message: "Serve the fourth version" });
  await page.reload();
  await expect(lastDelivery(page)).toContainText("auto-deploy is paused");
  expect(await answer(shop.port)).toBe("second");
  await page.getByRole("button", { name: "Resume auto-deploy" }).click();
  await expect(page.getByRole("button", { name: "Pause auto-deploy" })).toBeVisible();
  await it.forge.push("shop", { "index.html": "fifth" }, { message: "Serve the fifth version" });
  await page.goto(`${shop.url}/deployments/5`);
  await expect(status(page)).toHaveText("Success");
  expect(await answer(shop.port)).toBe("fifth");
  await expectToken(NEW);
});

test("current values of secrets are kept on request, with the keyboard alone", async ({ page }) => {
  await page.goto(`${shop.url}/deployments/1/rollback`);
  await expect(page.locator("#rollback legend")).toContainText("Variable TOKEN");
  await tabTo(page, page.getByLabel("Values of then"));
  await page.keyboard.press("ArrowDown");
  await expect(page.getByLabel("Keep current values")).toBeChecked();
  await tabTo(page, page.getByRole("button", { name: "Roll back to #1" }));
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(`${shop.url}/deployments/6`);
  await expect(status(page)).toHaveText("Success");
  await expect(page.locator("#back-to")).toContainText("with the current values of secrets");
  expect(await answer(shop.port)).toBe("first");
  await expectToken(NEW);
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("a deployment is pinned, gone back to, and let go", async ({ page }) => {
    await page.goto(`${shop.url}/deployments/3`);
    await page.getByRole("button", { name: "Pin" }).click();
    await expect(page.locator(".summary .tag")).toHaveText("pinned");
    await page.goto(`${shop.url}/deployments`);
    await expect(page.locator("#deployment-row-3 .tag")).toHaveText("pinned");
    await page.locator("#deployment-row-3").getByRole("link", { name: "Roll back…" }).click();
    await page.getByRole("button", { name: "Roll back to #3" }).click();
    await expect(page).toHaveURL(`${shop.url}/deployments/7`);
    await expect(status(page)).toHaveText("Success");
    expect(await answer(shop.port)).toBe("third");
    await page.goto(`${shop.url}/deployments/3`);
    await page.getByText("Unpin…").click();
    await page.getByRole("button", { name: "Unpin", exact: true }).click();
    await expect(page.getByRole("button", { name: "Pin", exact: true })).toBeVisible();
  });
});

test("what cannot be gone back to says why", async ({ page }) => {
  await it.forge.push("shop", { Dockerfile: "FROM scratch\nCOPY nothing /\n" }, { message: "Break the build" });
  await deploy(page, shop);
  await expect(status(page)).toHaveText("Failed");
  await page.goto(`${shop.url}/deployments/8/rollback`);
  await expect(page.locator(".rollback-refused .alert")).toBeVisible();
  await expect(page.locator("#rollback")).toHaveCount(0);
  await expect(page.locator(".kept-row").first()).toBeVisible();
  await expectGoodLook(page, "rollback-refused");
  await page.goto(`${shop.url}/deployments`);
  await expect(page.locator("#deployment-row-4")).toContainText("rollback to #2");
  await expectGoodLook(page, "history-rollbacks");
});

async function expectToken(value: string): Promise<void> {
  expect((await inspect(it.server.instance, "shop")).Config.Env).toContain(`TOKEN=${value}`);
}
