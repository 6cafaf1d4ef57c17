import { type App, authorise, checked, connect, createApp, deploy, status } from "../support/app";
import { expectGoodLook } from "../support/axe";
import { expect, installation, PASSWORD, test, USERNAME } from "../support/signedIn";

const it = installation({ account: false });

// Every page in every look, in the order in which an operator meets them. What axe-core finds is collected, not stopped at.
test("every page is accessible and fits, wide and narrow, light and dark", async ({ page }) => {
  test.setTimeout(240_000);
  let shop: App;

  await test.step("setup", async () => {
    await page.goto("/setup");
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Set up µPaaS");
    await expectGoodLook(page, "setup");
    await page.getByRole("button", { name: "Create account" }).click();
    await expect(page.locator("#setup_code-error")).toBeVisible();
    await expectGoodLook(page, "setup-wrong");
    await page.getByLabel("Setup code").fill(await it.server.setupCode());
    await page.getByLabel("User name").fill(USERNAME);
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByLabel("Password again").fill(PASSWORD);
    await page.getByRole("button", { name: "Create account" }).click();
  });

  await test.step("an empty list, errors, settings", async () => {
    await expect(page.getByRole("heading", { name: "No apps yet." })).toBeVisible();
    await expectGoodLook(page, "apps-empty");
    await page.goto("/apps/nothing");
    await expect(page.getByRole("heading", { name: "Not found" })).toBeVisible();
    await expectGoodLook(page, "error-404");
    await page.goto("/settings");
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Settings");
    await expectGoodLook(page, "settings");
    await page.getByRole("button", { name: "Change password" }).click();
    await expect(page.locator("#current_password-error")).toBeVisible();
    await expectGoodLook(page, "settings-wrong");
  });

  await test.step("a new app", async () => {
    await page.goto("/apps/new");
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("New app");
    await expectGoodLook(page, "app-new");
    await page.getByRole("button", { name: "Create app" }).click();
    await expect(page.locator("#slug-error")).toBeVisible();
    await expectGoodLook(page, "app-new-wrong");
    shop = await createApp(page, it.forge, { slug: "shop" });
    await expectGoodLook(page, "app-before-deploy");
  });

  await test.step("connecting it", async () => {
    const message = "Serve the front page\n\nIt says which version it is, so that an operator sees at once which one answers.";
    await it.forge.commit("shop", "hello", { message });
    await page.getByRole("button", { name: "Test connection" }).click();
    await expect(page.getByRole("button", { name: "Confirm this key" })).toBeVisible();
    await expectGoodLook(page, "app-host-key");
    await page.getByRole("button", { name: "Confirm this key" }).click();
    await expect(checked(page)).toHaveText("Does not work");
    await expectGoodLook(page, "app-key-refused");
    await authorise(page, it.forge, "shop");
    await connect(page);
    await expectGoodLook(page, "app-connected");
  });

  await test.step("a deployment that works", async () => {
    await deploy(page, shop);
    await expect(status(page)).toHaveText("Success");
    await expectGoodLook(page, "deployment-success");
    await page.goto(shop.url);
    await expect(page.locator("#app-state .badge")).toHaveText("Running");
    await expectGoodLook(page, "app-after-deploy");
  });

  await test.step("a deployment that fails", async () => {
    await it.forge.commit("shop", "broken-build", { message: "Break the build" });
    await deploy(page, shop);
    await expect(status(page)).toHaveText("Failed");
    await expectGoodLook(page, "deployment-failed");
  });

  await test.step("a deployment under way, and cancelled", async () => {
    await it.forge.commit("shop", "slow-build", { message: "Take a while", files: { seconds: String(Date.now()).slice(-6) } });
    await deploy(page, shop);
    await expect(page.locator("#journal")).toContainText("this takes a while");
    await expectGoodLook(page, "deployment-building");
    await page.goto("/");
    await expect(page.getByRole("link", { name: "Building #3" })).toBeVisible();
    await expectGoodLook(page, "apps-busy");
    await page.goto(`${shop.url}/deployments/3`);
    await page.getByRole("button", { name: "Cancel" }).click();
    await expect(status(page)).toHaveText("Cancelled");
    await expectGoodLook(page, "deployment-cancelled");
  });

  await test.step("lists with something in them", async () => {
    await page.goto("/");
    await expect(page.locator("#app-shop .badge")).toHaveText("Running");
    await expectGoodLook(page, "apps");
    await page.goto(`${shop.url}/deployments`);
    await expect(page.locator(".deployment-row")).toHaveCount(3);
    await expectGoodLook(page, "deployments");
  });

  await test.step("an app's settings", async () => {
    await page.goto(`${shop.url}/settings`);
    await expect(page.getByLabel("Repository URL")).toHaveValue(it.forge.url("shop"));
    await expectGoodLook(page, "app-settings");
  });

  await test.step("a git server with another key", async () => {
    await it.forge.restartWithNewHostKey();
    await page.goto(shop.url);
    await page.getByRole("button", { name: "Test connection" }).click();
    await expect(page.getByRole("button", { name: "Trust the new key" })).toBeVisible();
    await expectGoodLook(page, "app-host-key-changed");
  });

  await test.step("logging in", async () => {
    await page.getByRole("button", { name: "Log out" }).click();
    await expect(page.getByRole("heading", { name: "Log in" })).toBeVisible();
    await expectGoodLook(page, "login");
    await page.getByRole("button", { name: "Log in" }).click();
    await expect(page.getByRole("alert")).toBeVisible();
    await expectGoodLook(page, "login-wrong");
  });
});
