// Whatever happens to the connection of an open page: it says so, comes back by itself, and its journal has neither a gap nor a line twice.
import type { Page } from "@playwright/test";

import { type App, connectedApp, deploy, status } from "../support/app";
import { expectWhole, lines, printed, printedNumber, printing } from "../support/journal";
import { expectSamePage, openOnce } from "../support/once";
import { expect, installation, PASSWORD, test, USERNAME } from "../support/signedIn";
import { watch } from "../support/test";
import { Wire } from "../support/wire";

const it = installation();
let shop: App;

test.use({ breaksStreams: true });

test.beforeAll(async ({ browser }) => {
  const page = await browser.newPage();
  await it.forge.commit("shop", "scripted-build", { message: "Work" });
  shop = await connectedApp(page, it.forge, { slug: "shop" });
  await page.close();
});

test("µPaaS is restarted in the middle of a build: the open page waits, then goes on where it was", async ({ page }) => {
  await it.forge.push("shop", { "build.sh": printing({ lines: 400, perSecond: 20 }) });
  await deploy(page, shop);
  await openConnected(page, page.url());
  await expect(printed(page, 40)).toBeVisible();

  await it.server.goDown();
  await expectReconnecting(page);
  const [{ number: last }] = (await lines(page)).slice(-1);
  await it.server.comeBack();
  await expectConnected(page);
  await expect(page.locator("#journal")).toContainText("attempt 2 of 3");
  await expect.poll(async () => (await lines(page)).length, "the second attempt comes line by line, too").toBeGreaterThan(last + 20);
  expect(await printed(page, 400).count(), "it is still under way").toBe(0);

  await expect(status(page)).toHaveText("Success");
  await expect(page.locator(".page-meta")).toContainText("attempt 2");
  const printedNumbers = (await expectWhole(page)).map(printedNumber).filter((n) => n !== undefined);
  const again = printedNumbers.lastIndexOf(1);
  expect(printedNumbers.slice(0, again), "what the first attempt printed, in order").toEqual(upTo(again));
  expect(printedNumbers.slice(again), "all that the second one printed").toEqual(upTo(400));
  await expectSamePage(page);
});

test("the network breaks for a while: the open page goes on where it was", async ({ page }) => {
  const wire = await watchBuildOverWire(page);

  await wire.cut();
  await expectReconnecting(page);
  const before = (await lines(page)).length;
  await wire.mend();
  await expectConnected(page);
  await expect.poll(async () => (await lines(page)).length).toBeGreaterThan(before + 40);
  await cancelAndExpectWhole(page);
  await wire.cut();
});

test("a proxy that knows nobody behind it meanwhile sends no page away", async ({ page }) => {
  const wire = await watchBuildOverWire(page);

  await wire.cut();
  await wire.misdirect();
  await expectReconnecting(page);
  await expect.poll(() => wire.misdirected, "the page asks again and again").toBeGreaterThan(1);
  const before = (await lines(page)).length;
  await wire.cut();
  await wire.mend();
  await expectConnected(page);
  await expect.poll(async () => (await lines(page)).length).toBeGreaterThan(before);
  await cancelAndExpectWhole(page);
  await wire.cut();
});

test("a page whose session has ended elsewhere goes to the login page, and back after logging in", async ({ browser }) => {
  const context = await browser.newContext({ baseURL: it.server.url, storageState: undefined });
  const complaints = await watch(context, { breaksStreams: true });
  const [page, elsewhere] = [await context.newPage(), await context.newPage()];
  await elsewhere.goto("/login");
  await logIn(elsewhere);
  await it.forge.push("shop", { "build.sh": printing({ perSecond: 20 }) });
  await deploy(page, shop);
  await expect(printed(page, 5)).toBeVisible();
  const { pathname } = new URL(page.url());

  await elsewhere.getByRole("button", { name: "Log out" }).click();
  await expect(page, "nothing looks live that is not").toHaveURL(`/login?next=${encodeURIComponent(pathname)}`, { timeout: 40_000 });
  await expect(page.locator("#lines")).toHaveCount(0);
  await logIn(page);
  await expect(page).toHaveURL(pathname);
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(status(page)).toHaveText("Cancelled");
  expect(complaints).toEqual([]);
  await context.close();
});

async function logIn(page: Page): Promise<void> {
  await page.getByLabel("User name").fill(USERNAME);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
}

async function openConnected(page: Page, url: string): Promise<void> {
  await openOnce(page.context(), url, page);
  await expectConnected(page);
}

/** Starts a build that prints without an end, and opens its page through a wire that can be cut. */
async function watchBuildOverWire(page: Page): Promise<Wire> {
  const wire = await Wire.to(it.server.url);
  await it.forge.push("shop", { "build.sh": printing({ perSecond: 20 }) });
  await deploy(page, shop);
  await openConnected(page, `${wire.url}${new URL(page.url()).pathname}`);
  await expect(printed(page, 20)).toBeVisible();
  return wire;
}

/** The same page is still open, and has each line once when its build has been cancelled. */
async function cancelAndExpectWhole(page: Page): Promise<void> {
  await expectSamePage(page);
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(status(page)).toHaveText("Cancelled");
  await expectWhole(page);
}

async function expectReconnecting(page: Page): Promise<void> {
  await expect(page.locator(".top-state .reconnecting")).toBeVisible();
  await expect(page.locator("#journal-state .live-lost")).toBeVisible();
  await expect(page.locator("#journal-state .live-on")).toBeHidden();
  await expect(page.locator("#announcer")).toHaveText("Connection lost, reconnecting…");
}

async function expectConnected(page: Page): Promise<void> {
  await expect(page.locator(".top-state .reconnecting")).toBeHidden();
  await expect(page.locator("#journal-state .live-on")).toBeVisible();
}

/** `1, 2, … n` */
function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, at) => at + 1);
}
