import { authorise, checked, createApp, deploy, status } from "../support/app";
import { expectNeighbours, lines, printedNumber, printingAtOnce } from "../support/journal";
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

  await test.step("a page of what is under way is loaded anew until it is over", async () => {
    await it.forge.commit("plain", "scripted-build", { message: "Talk", files: { "build.sh": printingAtOnce(2_500) } });
    await deploy(page, plain);
    await expect(page).toHaveTitle(/^● #4 /);
    await expect(page.locator("#journal-state")).toContainText("live");
    await expect(page.locator("meta[http-equiv=refresh]")).toHaveCount(1);
    await expect(status(page)).toHaveText("Success");
    await expect(page.locator("meta[http-equiv=refresh]")).toHaveCount(0);
    await expect(page.locator("#journal-state")).toHaveText("complete");
    await expect(page).toHaveTitle("✓ #4 Success: plain · µPaaS");
  });

  await test.step("earlier lines are behind a link", async () => {
    const last = await lines(page);
    expect(last).toHaveLength(1_000);
    await page.getByRole("link", { name: "Earlier lines" }).click();
    const [{ number: first }] = last;
    await expect(page).toHaveURL(new RegExp(`#L${first - 1}$`));
    await expect(page.locator(`#L${first - 1}`)).toBeInViewport();
    expectNeighbours(await lines(page));
    await page.getByRole("link", { name: "Earlier lines" }).click();
    expectNeighbours(await lines(page));
    await page.getByRole("link", { name: "Later lines" }).click();
    await expect(page.locator(`#L${first}`), "and back").toHaveCount(1);
    await page.getByRole("link", { name: "Jump to end" }).click();
    await expect(page).toHaveURL(/\/deployments\/4#journal-end$/);
    expect(await lines(page)).toEqual(last);
  });

  await test.step("a search, and the line that it leads to", async () => {
    await page.getByRole("searchbox").fill("line 123");
    await page.getByRole("searchbox").press("Enter");
    await expect(page.locator("#lines .line")).toHaveCount(11);
    const wanted = (await lines(page)).find((line) => printedNumber(line) === 1_234)!.number;
    await page.locator(`#L${wanted} .line-number`).click();
    await expect(page).toHaveURL(`${plain.url}/deployments/4?line=${wanted}#L${wanted}`);
    const line = page.locator(`#L${wanted}`);
    await expect(line).toBeInViewport();
    const ground = (of: typeof line) => of.evaluate((it) => getComputedStyle(it).backgroundColor);
    expect(await ground(line), "it is marked").not.toBe(await ground(page.locator(`#L${wanted - 1}`)));
    await page.goto(`${plain.url}/deployments/4`);
    await expect(line, "it is not among the last ones").toHaveCount(0);
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
