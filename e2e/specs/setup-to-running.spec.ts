import { checked, CONTAINER_PORT, status } from "../support/app";
import { made } from "../support/engine";
import { answer, freePort } from "../support/ports";
import { expect, installation, PASSWORD, test, USERNAME } from "../support/signedIn";

const it = installation({ account: false });
const SUBJECT = "Say hello for the first time";

test.use({ permissions: ["clipboard-read", "clipboard-write"] });

test("from a fresh installation to a running app, and on to its next version", async ({ page }) => {
  const port = await freePort();
  await it.forge.commit("shop", "hello", { message: SUBJECT, files: { "index.html": "first version" } });

  await test.step("every address leads to setup while there is no account", async () => {
    await page.goto("/apps/shop");
    await expect(page).toHaveURL("/setup");
    await expect(page.getByRole("heading", { name: "Set up µPaaS" })).toBeVisible();
  });

  await test.step("a wrong code is told beside its field, and what was typed stays, except passwords", async () => {
    await page.getByLabel("Setup code").fill("aaaaa-bbbbb-ccccc-ddddd");
    await page.getByLabel("User name").fill("ada");
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByLabel("Password again").fill("another one");
    await page.getByRole("button", { name: "Create account" }).click();
    await expect(page.locator("#setup_code-error")).toContainText("That is not the code.");
    await expect(page.locator("#password_confirmation-error")).toContainText("not the same");
    await expect(page.getByLabel("Setup code")).toHaveAttribute("aria-invalid", "true");
    await expect(page.getByLabel("User name")).toHaveValue("ada");
    await expect(page.getByLabel("Password", { exact: true })).toHaveValue("");
    await expect(page.getByLabel("Password again")).toHaveValue("");
  });

  await test.step("the right code makes the account, logged in, with an empty list", async () => {
    await page.getByLabel("Setup code").fill(await it.server.setupCode());
    await page.getByLabel("User name").fill(USERNAME);
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByLabel("Password again").fill(PASSWORD);
    await page.getByRole("button", { name: "Create account" }).click();
    await expect(page).toHaveURL("/");
    await expect(page.getByRole("heading", { name: "No apps yet." })).toBeVisible();
    await expect(it.server.setupCode()).rejects.toThrow("ENOENT");
  });

  await test.step("setup is closed for ever", async () => {
    await page.goto("/setup");
    await expect(page).toHaveURL("/");
  });

  await test.step("a new app: what is wrong stands beside each field, what was typed stays", async () => {
    await page.getByRole("link", { name: "New app" }).click();
    await page.getByLabel("Slug").fill("Shop!");
    await page.getByLabel("Repository URL").fill("ftp://example.org/shop.git");
    await page.getByLabel("Host address").fill("everywhere");
    await page.getByLabel("Host port").fill("80800");
    await page.getByRole("button", { name: "Create app" }).click();
    await expect(page.locator("#slug-error")).toContainText("Use lower-case letters");
    await expect(page.locator("#repo_url-error")).toContainText("ftp:// is not supported");
    await expect(page.locator("#host_address-error")).toContainText("Write an IP address");
    await expect(page.locator("#host_port-error")).toContainText("1 to 65535");
    await expect(page.getByLabel("Slug")).toHaveValue("Shop!");
    await expect(page.getByLabel("Repository URL")).toHaveValue("ftp://example.org/shop.git");
    await expect(page.getByLabel("Host port")).toHaveValue("80800");
    await expect(page.getByLabel("Branch")).toHaveValue("main");
  });

  await test.step("the app is created, and the page says what to do", async () => {
    await page.getByLabel("Slug").fill("shop");
    await page.getByLabel("Repository URL").fill(it.forge.url("shop"));
    await page.getByLabel("Container port").fill(String(CONTAINER_PORT));
    await page.getByLabel("Host address").fill("127.0.0.1");
    await page.getByLabel("Host port").fill(String(port));
    await page.getByRole("button", { name: "Create app" }).click();
    await expect(page).toHaveURL("/apps/shop");
    await expect(page.locator("#app-state .badge")).toHaveText("Not deployed");
    await expect(page.getByRole("heading", { name: "What to do now" })).toBeVisible();
    await expect(page.getByText(`Replace: host port ${port}`)).toBeVisible();
  });

  await test.step("the deploy key is copied and added to the repository", async () => {
    await page.getByRole("button", { name: "Copy key" }).click();
    await expect(page.getByRole("button", { name: "Copied" })).toBeVisible();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(copied).toMatch(/^ssh-ed25519 \S+/);
    await it.forge.addDeployKey("shop", copied);
  });

  await test.step("the server's key is shown for comparison, and the connection works once it is confirmed", async () => {
    await page.getByRole("button", { name: "Test connection" }).click();
    const offer = page.locator("#connection .offer");
    await expect(offer).toContainText(`Is this the key of 127.0.0.1:${it.forge.port}?`);
    await expect(offer.locator("code")).toHaveText(await it.forge.fingerprint());
    await page.getByRole("button", { name: "Confirm this key" }).click();
    await expect(checked(page)).toHaveText("Works");
    await expect(page.locator("#connection .check")).toContainText("main is at");
  });

  await test.step("the deployment is shown live until it serves", async () => {
    await page.getByRole("button", { name: "Deploy now" }).click();
    await expect(page).toHaveURL("/apps/shop/deployments/1");
    await page.evaluate(() => (document.documentElement.dataset.loaded = "once"));
    await expect(page.locator("#journal .line-phase").filter({ hasText: "building" })).toBeVisible();
    await expect(status(page)).toHaveText("Success");
    await expect(page.getByRole("list", { name: "Phases" })).toContainText("built");
    await expect(page.locator(".summary .commit")).toContainText(SUBJECT);
    await expect(page.locator("#journal")).toContainText("COPY index.html /www/");
    await expect(page.locator("#journal .live")).toHaveCount(0);
    await expect(page).toHaveTitle("✓ #1 Success: shop · µPaaS");
    await expect(page.locator("html"), "the page was never loaded anew").toHaveAttribute("data-loaded", "once");
    expect(await answer(port)).toBe("first version");
  });

  await test.step("the app's page says what runs, and where", async () => {
    await page.goto("/apps/shop");
    await expect(page.locator("#app-state .badge")).toHaveText("Running");
    // Under another name than µPaaS itself: a host's ports share their cookies.
    await expect(page.locator("#app-state a.address")).toHaveAttribute("href", `http://localhost:${port}/`);
    await expect(page.getByRole("heading", { name: "What to do now" })).toHaveCount(0);
    // Nothing was there to overlap with or to replace.
    await expect.soft(page.locator(".facts-row")).toContainText("nothing to switch from");
  });

  await test.step("the next commit replaces it", async () => {
    const commit = await it.forge.commit("shop", "hello", { message: "Say it again", files: { "index.html": "second version" } });
    await page.getByRole("button", { name: "Deploy now" }).click();
    await expect(page).toHaveURL("/apps/shop/deployments/2");
    await expect(status(page)).toHaveText("Success");
    await expect(page.locator(".summary .commit code")).toHaveText(commit.slice(0, 8));
    expect(await answer(port)).toBe("second version");
    await expect(page.locator(".summary")).toContainText(new RegExp(`replace: host port ${port}, gap \\d`));
    // The old container is removed once the new one serves.
    await expect.poll(async () => (await made(it.server.instance)).containers.length).toBe(1);
  });

  await test.step("the list shows it running", async () => {
    await page.goto("/");
    const row = page.locator("#app-shop");
    await expect(row.locator(".badge")).toHaveText("Running");
    await expect(row).toContainText("Say it again");
  });

  await test.step("a restart of µPaaS keeps the session, the app and its container", async () => {
    await it.server.restart();
    expect(await answer(port)).toBe("second version");
    await page.reload();
    await expect(page.locator("#app-shop")).toBeVisible();
    await expect.poll(async () => (await page.reload()) && page.locator("#app-shop .badge").innerText()).toBe("Running");
  });
});
