import { authorise, checked, createApp, deploy, status } from "../support/app";
import { answer } from "../support/ports";
import { expect, installation, PASSWORD, test, USERNAME } from "../support/signedIn";

const it = installation({ account: false });

test.use({ javaScriptEnabled: false });

test("everything from setup to the second version works without JavaScript", async ({ page }) => {
  await it.forge.commit("plain", "hello", { message: "Work", files: { "index.html": "first version" } });

  await test.step("setup", async () => {
    await page.goto("/");
    await expect(page).toHaveURL("/setup");
    await page.getByLabel("Setup code").fill(await it.server.setupCode());
    await page.getByLabel("User name").fill(USERNAME);
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByLabel("Password again").fill(PASSWORD);
    await page.getByRole("button", { name: "Create account" }).click();
    await expect(page.getByRole("heading", { name: "No apps yet." })).toBeVisible();
  });

  const plain = await createApp(page, it.forge, { slug: "plain" });

  await test.step("the key can be read, and nothing is offered that cannot work", async () => {
    await expect(page.getByRole("button", { name: "Copy key" })).toBeHidden();
    await authorise(page, it.forge, "plain");
  });

  await test.step("the connection is tested and the server's key confirmed", async () => {
    await page.getByRole("button", { name: "Test connection" }).click();
    await expect(page).toHaveURL("/apps/plain#connection");
    await expect(page.locator("#connection .offer code")).toHaveText(await it.forge.fingerprint());
    await page.getByRole("button", { name: "Confirm this key" }).click();
    await expect(checked(page)).toHaveText("Works");
  });

  await test.step("a deployment's page comes up to date by itself", async () => {
    await deploy(page, plain);
    await expect(status(page)).toHaveText("Success");
    await expect(page.locator("#journal")).toContainText("COPY index.html /www/");
    expect(await answer(plain.port)).toBe("first version");
  });

  await test.step("a build is cancelled", async () => {
    await it.forge.commit("plain", "slow-build", { message: "Take a while", files: { seconds: String(Date.now()).slice(-6) } });
    await deploy(page, plain);
    await page.getByRole("button", { name: "Cancel" }).click();
    await expect(status(page)).toHaveText("Cancelled");
    expect(await answer(plain.port)).toBe("first version");
  });

  await test.step("the next commit replaces it", async () => {
    await it.forge.commit("plain", "hello", { message: "Work on", files: { "index.html": "second version" } });
    await deploy(page, plain);
    await expect(status(page)).toHaveText("Success");
    expect(await answer(plain.port)).toBe("second version");
  });

  await test.step("logging out and in", async () => {
    await page.getByRole("button", { name: "Log out" }).click();
    await expect(page).toHaveURL("/login");
    await page.getByLabel("User name").fill(USERNAME);
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByRole("button", { name: "Log in" }).click();
    await expect(page.locator("#app-plain .badge")).toHaveText("Running");
  });
});
