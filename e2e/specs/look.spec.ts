import type { Page } from "@playwright/test";

import {
  type App,
  authorise,
  checked,
  connect,
  connectedApp,
  connectWebhook,
  createApp,
  deploy,
  lastDelivery,
  revealWebhook,
  runningApp,
  state,
  status,
} from "../support/app";
import { expectGoodLook } from "../support/axe";
import { containerOf, made, removeByHand, startOrphan } from "../support/engine";
import { printed, printing, printingAtOnce, script } from "../support/journal";
import { Server } from "../support/server";
import { expect, installation, PASSWORD, setUp, test, USERNAME } from "../support/signedIn";
import { watch } from "../support/test";

const it = installation({ account: false });

// The others log in to the account that the first one makes.
test.describe.configure({ mode: "serial" });

// Every page in every look, in the order in which an operator meets them. What axe-core finds is collected, not stopped at.
test("every page is accessible and fits, wide and narrow, light and dark", async ({ page }) => {
  test.setTimeout(900_000);
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
    await page.goto("/system");
    await expect(page.getByText("Nothing runs and nothing waits.")).toBeVisible();
    await expectGoodLook(page, "system-empty");
  });

  await test.step("tokens and retention", async () => {
    await page.goto("/settings");
    await page.getByRole("button", { name: "Make token" }).click();
    await expect(page.locator("#token_name-error")).toBeVisible();
    await expectGoodLook(page, "settings-token-wrong");
    for (const name of ["prometheus", "a-pipeline-with-a-name-that-is-as-long-as-it-may-be-in-the-list-x"]) {
      await page.getByLabel("Name", { exact: true }).fill(name.slice(0, 64));
      await page.getByRole("button", { name: "Make token" }).click();
      await expect(page.locator("#token-made-title")).toBeVisible();
    }
    await page.locator("#tokens .item-row").first().getByText("Revoke…").click();
    await expectGoodLook(page, "settings-token-made");
    await page.getByLabel("Audit entries, in days").fill("a while");
    await page.locator("#retention").getByRole("button", { name: "Save" }).click();
    await expect(page.locator("#audit_days-error")).toBeVisible();
    await page.getByText("Run now…").click();
    await expectGoodLook(page, "settings-retention-wrong");
    await page.locator("#retention").getByRole("button", { name: "Run now" }).click();
    await expect(page.locator("#retention-last-run")).toContainText("nothing was old enough");
    await expectGoodLook(page, "settings-tokens");
    await page.goto("/system");
    await page.getByRole("button", { name: "Check now" }).click();
    await expect(page.locator("#integrity .badge")).toHaveText("Sound");
    await expectGoodLook(page, "system-checked");
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
    await deploy(page, shop);
    await expect(status(page)).toHaveText("Queued");
    await expectGoodLook(page, "deployment-queued");
    await page.goto("/system");
    await expect(page.locator(".queue-row")).toHaveCount(2);
    await expectGoodLook(page, "system-busy");
    await page.goto(`${shop.url}/deployments/4`);
    await page.getByRole("button", { name: "Cancel" }).click();
    await expect(status(page)).toHaveText("Cancelled");
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
    await expect(page.locator(".deployment-row")).toHaveCount(4);
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
    await page.getByRole("button", { name: "Trust the new key" }).click();
    await expect(checked(page)).toHaveText("Works");
  });

  await test.step("the audit log", async () => {
    const stranger = await page.context().browser()!.newContext({ baseURL: it.server.url, storageState: undefined });
    const refused = await stranger.request.post("/login", { form: { username: `<b>${"nobody".repeat(10)}\u202E`, password: "a guess" } });
    expect(refused.ok()).toBe(false);
    await stranger.close();
    await page.goto("/audit");
    await expect(page.locator(".entry.row-failed .entry-who", { hasText: "nobodynobody" })).toHaveCount(1);
    await expectGoodLook(page, "audit");
    await page.goto("/audit?action=DEPLOY&resource=deployment&q=cancelled");
    await expect(page.locator(".entry").first()).toBeVisible();
    await expectGoodLook(page, "audit-filtered");
    await page.goto("/audit?user=somebody");
    await expect(page.getByRole("heading", { name: "No entry matches." })).toBeVisible();
    await expectGoodLook(page, "audit-none");
    await page.goto("/audit?from=yesterday&action=DANCE&usr=ada");
    await expect(page.locator("#from-error")).toBeVisible();
    await expect(page.locator("#action-error")).toBeVisible();
    await expectGoodLook(page, "audit-wrong");
    for (let days = 1; days <= 51; days++) {
      await page.request.post("/settings/retention", { form: { audit_days: days, deliveries_days: days, journals_days: days } });
    }
    await page.goto("/audit?action=SETTINGS_CHANGE");
    await page.getByRole("link", { name: "Older" }).click();
    await expect(page.getByRole("link", { name: "Newest" })).toBeVisible();
    await expectGoodLook(page, "audit-older");
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

test("what pushes, stops and absences bring is accessible and fits too", async ({ page }) => {
  await logIn(page);
  await it.forge.commit("pushed", "hello", { message: "Work" });
  const pushed = await runningApp(page, it.forge, { slug: "pushed" });

  await test.step("the webhook before its first delivery", async () => {
    await revealWebhook(page);
    await expectGoodLook(page, "app-webhook-revealed");
    await page.goto(`${pushed.url}/deliveries`);
    await expect(page.getByRole("heading", { name: "No delivery yet." })).toBeVisible();
    await expectGoodLook(page, "deliveries-empty");
  });

  await test.step("deliveries of every kind", async () => {
    const { url } = await connectWebhook(page, it.forge, pushed);
    await it.forge.testDelivery("pushed");
    await it.forge.push("pushed", { "index.html": "the next version" }, { message: "Serve the next version" });
    await page.goto(`${pushed.url}/deployments/2`);
    await expect(status(page)).toHaveText("Success");
    await page.goto(pushed.url);
    await expect(lastDelivery(page).locator(".badge-success")).toHaveText("Deploy");
    await expectGoodLook(page, "app-after-push");
    await it.forge.push("pushed", { "index.html": "another" }, { branch: "feature/a-longer-name-for-a-branch-than-most-have" });
    await it.forge.pushTag("pushed", "v1.0.0-rc.1");
    await it.forge.connectWebhook("pushed", url, "not the secret");
    await it.forge.push("pushed", { "index.html": "not believed" });
    await page.goto(pushed.url);
    await expect(lastDelivery(page).locator(".badge-failed")).toHaveText("Rejected");
    await expectGoodLook(page, "app-delivery-rejected");
    await page.goto(`${pushed.url}/deliveries`);
    await expect(page.locator(".delivery")).toHaveCount(5);
    await expectGoodLook(page, "deliveries");
  });

  await test.step("paused, stopped, removed", async () => {
    await page.goto(pushed.url);
    await page.getByRole("button", { name: "Pause auto-deploy" }).click();
    await expect(page.locator(".paused")).toBeVisible();
    await expectGoodLook(page, "app-paused");
    await page.getByText("Stop…").click();
    await expectGoodLook(page, "app-stop-asked");
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    await expect(state(page)).toHaveText("Stopped");
    await expectGoodLook(page, "app-stopped");
    await page.getByRole("button", { name: "Start", exact: true }).click();
    await expect(state(page)).toHaveText("Running");
    await removeByHand(await containerOf(it.server.instance, "pushed"));
    await expect.poll(async () => (await page.reload()) && state(page).innerText()).toBe("Container removed");
    await expectGoodLook(page, "app-container-removed");
    await page.goto("/");
    await expect(page.locator("#app-pushed .badge")).toHaveText("Container removed");
    await expectGoodLook(page, "apps-container-removed");
  });

  await test.step("a container that nobody knows is shown, and removed only when somebody says so", async () => {
    const { images } = await made(it.server.instance);
    const orphan = await startOrphan(it.server.instance, images[0]);
    await page.goto("/system");
    await expect(page.locator(".orphan-row")).toContainText(orphan.slice(0, 12));
    await expectGoodLook(page, "system-orphan");
    await page.getByText("Remove…").click();
    await expectGoodLook(page, "system-orphan-asked");
    await page.getByRole("button", { name: "Remove container" }).click();
    await expect(page.locator("#orphans")).toContainText("None.");
    expect((await made(it.server.instance, 7)).containers).toEqual([]);
  });
});

test.describe("with a stream that breaks", () => {
  test.use({ breaksStreams: true });

  test("a journal in all its states is accessible and fits", async ({ page }) => {
    await logIn(page);
    const inColour = (code: number) => `\\033[${code}mcolour ${code}\\033[0m, \\033[1;${code + 10}mon it\\033[0m`;
    const colours = [31, 32, 33, 34, 35, 36, 37, 90, 91].map(inColour);
    const words = script(`printf '${colours.join("\\n")}\\na very ${"long ".repeat(60)}line\\n'`);
    await it.forge.commit("talker", "scripted-build", { message: "Talk", files: { "build.sh": words + printing({ perSecond: 20 }) } });
    const talker = await connectedApp(page, it.forge, { slug: "talker" });

    await test.step("live, scrolled up, and without a connection", async () => {
      await deploy(page, talker);
      await expect(printed(page, 40)).toBeVisible();
      await expectGoodLook(page, "deployment-live");
      await page.locator("#journal-box").evaluate((box) => box.scrollTo(0, 100));
      await expect(page.locator("#journal-jump")).toContainText("new lines");
      await expect(page.locator("#journal-jump")).toBeVisible();
      await expectGoodLook(page, "deployment-scrolled-up");
      await page.locator("#journal-jump").click();
      await it.server.goDown();
      await expect(page.locator(".top-state .reconnecting")).toBeVisible();
      await expectGoodLook(page, "deployment-reconnecting");
      await it.server.comeBack();
      await expect(page.locator("#journal-state .live-on")).toBeVisible();
      await page.getByRole("button", { name: "Cancel" }).click();
      await expect(status(page)).toHaveText("Cancelled");
    });

    await test.step("a failure with its last lines", async () => {
      const broken = `${printingAtOnce(1_200)}echo "the compiler is not amused"; exit 3\n`;
      await it.forge.push("talker", { "build.sh": broken }, { message: "Break the build" });
      await deploy(page, talker);
      await expect(page.locator(".failure .lines-tail")).toContainText("not amused");
      await expectGoodLook(page, "deployment-failed-tail");
    });

    await test.step("the middle of a journal, a line of it, a search", async () => {
      await page.goto(`${talker.url}/deployments/2?line=150#L150`);
      await expect(page.locator("#L150")).toHaveClass(/line-chosen/);
      await expect(page.locator("#earlier")).toHaveCount(1);
      await expect(page.locator("#later")).toHaveCount(1);
      await expectGoodLook(page, "journal-middle");
      await page.goto(`${talker.url}/deployments/2?q=amused`);
      await expect(page.locator(".journal-note").first()).toBeVisible();
      await expectGoodLook(page, "journal-search");
      await page.goto(`${talker.url}/deployments/2?q=no+such+words`);
      await expect(page.locator(".journal-note").first()).toContainText("No line");
      await expectGoodLook(page, "journal-search-none");
    });

    await test.step("the help", async () => {
      await page.keyboard.press("?");
      await expect(page.getByRole("dialog", { name: "Keyboard" })).toBeVisible();
      await expectGoodLook(page, "help");
      await page.keyboard.press("Escape");
    });
  });
});

test("errors and the engine's absence are accessible and fit", async ({ browser, page }) => {

  await test.step("another site's page posts here", async () => {
    await page.setContent(`<form method="post" action="${it.server.url}/logout"><button>Win a prize</button></form>`);
    await page.getByRole("button", { name: "Win a prize" }).click();
    await expect(page.getByRole("heading", { name: "Not allowed" })).toBeVisible();
    await expectGoodLook(page, "error-403");
  });

  await test.step("no engine", async () => {
    const server = await Server.start({ engine: "unix:///nowhere/docker.sock" });
    try {
      const context = await browser.newContext({ baseURL: server.url, storageState: await setUp(server), reducedMotion: "reduce" });
      const complaints = await watch(context);
      const away = await context.newPage();
      await away.goto("/");
      await expect(away.locator("#engine-alert .alert")).toBeVisible();
      await expectGoodLook(away, "engine-away");
      await away.goto("/system");
      await expect(away.locator("#system-engine .badge")).toBeVisible();
      await expectGoodLook(away, "system-engine-away");
      expect(complaints).toEqual([]);
      await context.close();
    } finally {
      await server.stop();
    }
  });

  await test.step("a fault of µPaaS's own", async () => {
    await it.server.breakJournals();
    const context = await browser.newContext({ baseURL: it.server.url, reducedMotion: "reduce" });
    const broken = await context.newPage();
    await logIn(broken);
    await broken.goto("/apps/talker/deployments/2");
    await expect(broken.getByRole("heading", { name: "Something went wrong" })).toBeVisible();
    await expect(broken.locator(".code-line")).toHaveText(/^\S{8,}$/);
    await expectGoodLook(broken, "error-500");
    await context.close();
  });
});

async function logIn(page: Page): Promise<void> {
  await page.goto("/login");
  await page.getByLabel("User name").fill(USERNAME);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
  await expect(page.locator("#app-shop")).toBeVisible();
}
