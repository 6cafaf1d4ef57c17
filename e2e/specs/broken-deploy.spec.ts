import type { Page } from "@playwright/test";

import { type App, authorise, checked, connectedApp, createApp, deploy, status } from "../support/app";
import { made } from "../support/engine";
import { answer } from "../support/ports";
import { expect, installation, test } from "../support/signedIn";

const it = installation();
let shop: App;

test.beforeAll(async ({ browser }) => {
  const page = await browser.newPage();
  await it.forge.commit("shop", "hello", { message: "Work", files: { "index.html": "the good version" } });
  shop = await connectedApp(page, it.forge, { slug: "shop" });
  await deploy(page, shop);
  await expect(status(page)).toHaveText("Success");
  await page.close();
});

// Whatever went wrong: what served before still does, and it is all that is left.
test.afterEach(async () => {
  // After a replace that failed the old version has only just been started again.
  await expect.poll(() => answer(shop.port)).toBe("the good version");
  const containers = (await made(it.server.instance)).containers.map((it) => `${it.Labels["upaas.deployment"]} ${it.State}`);
  expect(containers).toEqual(["1 running"]);
});

/** Deploys what will fail, and returns with its page saying so. */
async function deployInVain(page: Page, app: App): Promise<void> {
  await deploy(page, app);
  await expect(status(page)).toHaveText("Failed");
}

test("a build that fails names its step, and the old version stays", async ({ page }) => {
  await it.forge.commit("shop", "broken-build", { message: "Break the build" });
  await deployInVain(page, shop);
  const failure = page.locator(".failure");
  await expect(failure.getByRole("heading")).toHaveText("Build failed");
  await expect(failure.locator(".failure-sentence")).toContainText(/^Step \d of \d failed: “RUN echo "the compiler.*” exited with 3\.$/);
  await expect(failure.locator(".lines-tail")).toContainText("the compiler is not amused");
  await expect(failure).toContainText("#1 still serves.");
  await expect(page.locator(".phase-failed")).toContainText("building");

  await test.step("the app's page and the list say it too", async () => {
    await page.goto(shop.url);
    await expect(page.locator("#app-state .badge")).toHaveText("Running");
    await expect(page.locator("#recent-deployments .row").first()).toContainText("exited with 3.");
    await page.goto("/");
    await page.getByRole("link", { name: /See why #\d+ failed/ }).click();
    await expect(failure.getByRole("heading")).toHaveText("Build failed");
  });
});

test("a container that exits at once has failed, its last words are kept, and the old version comes back", async ({ page }) => {
  await it.forge.commit("shop", "exits-at-once", { message: "Forget the database" });
  await deployInVain(page, shop);
  const failure = page.locator(".failure");
  await expect(failure.getByRole("heading")).toHaveText("Starting failed");
  await expect(failure.locator(".failure-sentence")).toHaveText("The container exited right after its start, with code 7.");
  await expect(page.locator("#journal")).toContainText("no database, no service");
});

test("a branch that does not exist is named", async ({ page }) => {
  const lost = await createApp(page, it.forge, { slug: "lost", branch: "nowhere" });
  await it.forge.commit("lost", "hello", { message: "Stay on main" });
  await authorise(page, it.forge, "lost");
  await page.getByRole("button", { name: "Test connection" }).click();
  await expect(checked(page)).toHaveText("Does not work");
  await expect(page.locator("#connection")).toContainText("The repository can be read, but it has no branch “nowhere”.");
  await deployInVain(page, lost);
  await expect(page.locator(".failure")).toContainText("The repository has no branch “nowhere”.");
});

test("a deploy key that was removed from the repository is what the page says", async ({ page }) => {
  await page.goto(shop.url);
  const key = await page.locator("#public-key").innerText();
  await it.forge.removeDeployKey("shop");
  try {
    await page.getByRole("button", { name: "Test connection" }).click();
    await expect(checked(page)).toHaveText("Does not work");
    await expect(page.locator("#connection")).toContainText(`127.0.0.1:${it.forge.port} does not know this app's deploy key.`);
    await deployInVain(page, shop);
    await expect(page.locator(".failure")).toContainText("does not know this app's deploy key.");
    await expect(page.locator(".failure")).toContainText("Add the app's deploy key to the repository");
  } finally {
    await it.forge.addDeployKey("shop", key);
  }
});

test("a key that belongs to another repository is told apart from an unknown one", async ({ page }) => {
  const other = await createApp(page, it.forge, { slug: "other", repo: "shop" });
  await it.forge.commit("elsewhere", "hello", { message: "Be another repository" });
  await authorise(page, it.forge, "elsewhere");
  await deployInVain(page, other);
  await expect(page.locator(".failure")).toContainText("this repository cannot be read: refused: this key may only read elsewhere.git");
});

test("a git server that does not answer is what the page says", async ({ page }) => {
  await it.forge.hangUp();
  try {
    await page.goto(shop.url);
    await page.getByRole("button", { name: "Test connection" }).click();
    await expect(checked(page)).toHaveText("Does not work");
    await expect(page.locator("#connection")).toContainText(`127.0.0.1:${it.forge.port} cannot be reached:`);
    await deployInVain(page, shop);
    await expect(page.locator(".failure")).toContainText(`127.0.0.1:${it.forge.port} cannot be reached:`);
    await expect(page.locator(".failure")).toContainText("The cause is between here and the git server.");
  } finally {
    await it.forge.listen();
  }
});

test("a changed host key stops everything until the operator trusts the new one", async ({ page }) => {
  const before = await it.forge.fingerprint();
  await it.forge.restartWithNewHostKey();
  const after = await it.forge.fingerprint();

  await deployInVain(page, shop);
  await expect(page.locator(".failure")).toContainText(`127.0.0.1:${it.forge.port} shows another host key than the one you confirmed.`);

  await page.goto(shop.url);
  await page.getByRole("button", { name: "Test connection" }).click();
  await expect(page.locator(".offer-changed")).toContainText(`The host key of 127.0.0.1:${it.forge.port} has changed`);
  await expect(page.locator(".offer-changed code")).toHaveText([before, after]);
  await page.getByRole("button", { name: "Trust the new key" }).click();
  await expect(checked(page)).toHaveText("Works");
});
