// Reading a journal: while it is written, at any place of it, by link, by search, by keyboard, on a phone.
import type { Page } from "@playwright/test";

import { type App, connectedApp, deploy, status } from "../support/app";
import { downloaded, expectNeighbours, lines, pixelsToEnd, place, printed, printing, printingAtOnce, script } from "../support/journal";
import { expect, installation, test } from "../support/signedIn";

const it = installation();
let shop: App;

// The first two tests make the journals that the others read.
test.describe.configure({ mode: "serial" });

/** More than a page holds while it follows. */
const MANY = 6_000;
const LONG = "a-word-that-does-not-end-".repeat(40);

test.beforeAll(async ({ browser }) => {
  const page = await browser.newPage();
  await it.forge.commit("shop", "scripted-build", { message: "Work" });
  shop = await connectedApp(page, it.forge, { slug: "shop" });
  await page.close();
});

test("whoever has scrolled up reads on in peace, and follows again at a press", async ({ page }) => {
  await it.forge.push("shop", { "build.sh": script(`sleep 1\n${printingAtOnce(MANY)}${printing({ perSecond: 20 })}`) });
  await deploy(page, shop);
  const jump = page.locator("#journal-jump");

  await test.step("while it follows, the page lets go of old lines", async () => {
    await expect(printed(page, MANY)).toHaveCount(1);
    await expect.poll(() => pixelsToEnd(page)).toBeLessThanOrEqual(1);
    await expect.poll(async () => (await lines(page)).length).toBeLessThanOrEqual(5_000);
    await expect(page.locator("#earlier")).toHaveCount(1);
    await expect(jump).toBeHidden();
  });

  await test.step("lines that come do not move what is read", async () => {
    await page.locator("#journal-box").hover();
    await page.mouse.wheel(0, -900);
    await expect.poll(() => pixelsToEnd(page)).toBeGreaterThan(300);
    const reading = await settled(page);
    await expect(jump).toHaveText(/^Jump to end · ([2-9]\d|\d{3,}) new lines$/);
    expect(await place(page)).toEqual(reading);
  });

  await test.step("earlier lines come on the way up, above what is read", async () => {
    const before = await lines(page);
    await page.locator("#journal-box").evaluate((box) => box.scrollTo(0, 400));
    const reading = await settled(page);
    await page.mouse.wheel(0, -300);
    await expect.poll(async () => (await lines(page))[0].number).toBeLessThan(before[0].number);
    const now = await settled(page);
    const numberAt = ({ line, offset }: { line: string; offset: number }) => Number(line.slice(1)) - offset / 20;
    expect(numberAt(now), "300 pixels are 15 lines").toBeCloseTo(numberAt(reading) - 15, 0);
    expectNeighbours(await lines(page));
  });

  await test.step("the way back to the end", async () => {
    await expect(jump).toBeVisible();
    await jump.click();
    await expect(jump).toBeHidden();
    const [{ number: last }] = (await lines(page)).slice(-1);
    await expect.poll(async () => (await lines(page)).at(-1)!.number).toBeGreaterThan(last + 20);
    await expect.poll(() => pixelsToEnd(page)).toBeLessThanOrEqual(1);
    expectNeighbours(await lines(page));
  });

  await test.step("lines that are faster than the browser's word of a scroll pull nobody back", async () => {
    await page.locator("#journal-box").evaluate((box) => {
      const { requestAnimationFrame } = window;
      const scrollUp = () => {
        box.scrollTo(0, 400);
        // What waits for the next frame is done before it, as where a frame takes long.
        window.requestAnimationFrame = (done) => {
          window.requestAnimationFrame = requestAnimationFrame;
          done(0);
          return 0;
        };
      };
      window.addEventListener("htmx:before:swap", scrollUp, { capture: true, once: true });
    });
    await expect(jump).toBeVisible();
    await expect(jump).toHaveText(/^Jump to end · \d+ new lines$/);
    expect(await pixelsToEnd(page)).toBeGreaterThan(300);
    await jump.click();
    await expect(jump).toBeHidden();
  });

  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(status(page)).toHaveText("Cancelled");
  await expect(page.locator("#journal-state")).toHaveText("complete");
  expect((await lines(page)).slice(-500)).toEqual((await downloaded(page)).slice(-500));
});

test("a finished journal opens at its end, and all of it can be had by scrolling up", async ({ page }) => {
  await page.goto(`${shop.url}/deployments/1`);
  await expect.poll(() => pixelsToEnd(page)).toBeLessThanOrEqual(1);
  expect(await lines(page)).toHaveLength(1_000);
  const box = page.locator("#journal-box");
  for (let first = Infinity; first > 1; ) {
    await box.evaluate((box) => box.scrollTo(0, 0));
    await expect.poll(async () => (await lines(page))[0].number).toBeLessThan(first);
    [{ number: first }] = await lines(page);
  }
  await expect(page.locator("#earlier")).toHaveCount(0);
  expect(await lines(page)).toEqual(await downloaded(page));
});

test("a line has an address: a press puts it there without a reload, and who opens it sees the line", async ({ page, context }) => {
  await page.goto(`${shop.url}/deployments/1`);
  await page.evaluate(() => Object.assign(window, { openedOnce: true }));
  const box = page.locator("#journal-box");
  await box.evaluate((box) => box.scrollBy(0, -2_000));
  const reading = await settled(page);
  const line = page.locator(`#L${Number(reading.line.slice(1)) + 5}`);
  await line.locator(".line-number").click();
  const number = await line.locator(".line-number").innerText();
  await expect(page).toHaveURL(`${shop.url}/deployments/1?line=${number}#L${number}`);
  await expect(line).toHaveClass(/line-chosen/);
  expect(await place(page)).toEqual(reading);
  expect(await page.evaluate(() => "openedOnce" in window), "the page was never loaded anew").toBe(true);

  for (const wanted of [number, "1234", "1"]) {
    const friend = await context.newPage();
    await friend.goto(`${shop.url}/deployments/1?line=${wanted}#L${wanted}`);
    const there = friend.locator(`#L${wanted}`);
    await expect(there).toHaveClass(/line-chosen/);
    await expect(there.locator(".line-text")).toBeInViewport();
    await expect(friend.locator(".line-chosen")).toHaveCount(1);
    expectNeighbours(await lines(friend));
    await friend.close();
  }
});

test("from the middle of a journal both ways lead on", async ({ page }) => {
  await page.goto(`${shop.url}/deployments/1?line=3000#L3000`);
  await expect(page.locator("#L3000")).toHaveClass(/line-chosen/);
  const [first, last] = [(await lines(page))[0].number, (await lines(page)).at(-1)!.number];
  expect(last).toBeLessThan(MANY);
  const box = page.locator("#journal-box");
  await box.evaluate((box) => box.scrollTo(0, box.scrollHeight));
  await expect.poll(async () => (await lines(page)).at(-1)!.number).toBeGreaterThan(last);
  await box.evaluate((box) => box.scrollTo(0, 0));
  await expect.poll(async () => (await lines(page))[0].number).toBeLessThan(first);
  expectNeighbours(await lines(page));
  await page.locator("#journal-jump").click();
  await expect(page).toHaveURL(`${shop.url}/deployments/1#journal-end`);
  await expect.poll(() => pixelsToEnd(page)).toBeLessThanOrEqual(1);
});

test("a search finds lines anywhere in the journal, and each leads to its place", async ({ page }) => {
  await page.goto(`${shop.url}/deployments/1`);
  await page.keyboard.press("/");
  await expect(page.getByRole("searchbox")).toBeFocused();
  await page.keyboard.type("line 567");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\?q=line\+567/);
  const found = page.locator("#lines .line");
  await expect(found).toHaveCount(11);
  await expect(found.filter({ hasText: /line 5678$/ })).toHaveCount(1);
  await expect(page.locator(".journal-note").first()).toContainText("11 lines");
  await found.filter({ hasText: /line 5678$/ }).locator(".line-number").click();
  await expect(page.locator(".line-chosen")).toContainText("line 5678");
  await expect(page.locator(".line-chosen")).toBeInViewport();
  await page.goto(`${shop.url}/deployments/1?q=no+such+words`);
  await expect(page.locator(".journal-note").first()).toContainText("No line");
  await page.getByRole("link", { name: "Back to the whole journal" }).click();
  await expect.poll(() => pixelsToEnd(page)).toBeLessThanOrEqual(1);
});

test("the keyboard leads everywhere, except while somebody types", async ({ page }) => {
  await page.goto(`${shop.url}/deployments/1`);
  const help = page.getByRole("dialog", { name: "Keyboard" });
  await page.keyboard.press("?");
  await expect(help).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(help).toBeHidden();

  await page.keyboard.press("/");
  await page.keyboard.type("ga?/");
  await expect(page.getByRole("searchbox")).toHaveValue("ga?/");
  await expect(help).toBeHidden();
  await expect(page).toHaveURL(`${shop.url}/deployments/1`);

  await page.locator("#journal-box").focus();
  await page.keyboard.press("Home");
  await expect(page.locator("#journal-jump")).toBeVisible();
  await page.keyboard.press("G");
  await expect.poll(() => pixelsToEnd(page)).toBeLessThanOrEqual(1);
  await page.keyboard.press("g");
  await page.keyboard.press("a");
  await expect(page).toHaveURL("/");
  await page.keyboard.press("g");
  await page.keyboard.press("s");
  await expect(page).toHaveURL("/system");
});

test("whatever a build prints is shown for what it is: colours as such, the rest visible and inert", async ({ page }) => {
  const said = [
    "\\033[31mplain red\\033[0m and \\033[1;38;5;46mgreen of 256\\033[0m and \\033[38;2;80;80;255mtrue blue\\033[0m",
    "progress 1%%\\rprogress 50%%\\rprogress done",
    "\\033]8;;https://example.org/\\033\\\\innocent words\\033]8;;\\033\\\\",
    "bidi \\342\\200\\256txt.exe end",
    "zero\\342\\200\\213width",
    "<script>window.hacked = true</script><img src=x onerror=\"window.hacked = true\">",
    "not \\377 utf-8",
    "a bell \\007 rings",
    LONG,
  ];
  await it.forge.push("shop", { "build.sh": script(said.map((words) => `printf '${words}\\n'`).join("\n")) });
  await deploy(page, shop);
  await expect(status(page)).toHaveText("Success");

  const text = (words: string) => page.locator("#lines .line-text", { hasText: words });
  for (const open of ["live", "reloaded"]) {
    await test.step(open, async () => {
      await expect(text("plain red").locator(".a-31")).toHaveText("plain red");
      await expect(text("plain red").locator(".a-1")).toHaveText("green of 256");
      await expect(text("plain red").locator(".a-1")).toHaveClass(/\ba-(32|92)\b/);
      await expect(text("plain red").locator("span", { hasText: "true blue" })).toHaveClass(/\ba-(34|94)\b/);
      await expect(text("progress done")).not.toContainText("50%");
      await expect(text("innocent words")).not.toContainText("example.org");
      await expect(text("bidi")).toContainText("bidi [U+202E]txt.exe end");
      await expect(text("width")).toContainText("zero[U+200B]width");
      await expect(text("window.hacked").first()).toContainText('<script>window.hacked = true</script><img src=x onerror="window.hacked');
      await expect(text("utf-8")).toContainText("not \u{fffd} utf-8");
      await expect(text("a bell")).toContainText("a bell \u{2407} rings");
      await expect(page.locator("#lines .line-text :not(span)"), "nothing but coloured text").toHaveCount(0);
      expect(await page.evaluate(() => "hacked" in window)).toBe(false);
    });
    await page.reload();
  }
});

test("on a phone the journal fits: long lines are wrapped, or scroll inside of it", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(`${shop.url}/deployments/2`);
  const box = page.locator("#journal-box");
  const inside = () => box.evaluate((box) => box.scrollWidth - box.clientWidth);
  const outside = () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  const wrap = page.getByLabel("Wrap");
  await expect(wrap).toBeChecked();
  expect(await inside()).toBe(0);
  expect(await outside()).toBe(0);
  await wrap.uncheck();
  expect(await inside()).toBeGreaterThan(1_000);
  expect(await outside()).toBe(0);
  await page.reload();
  await expect(wrap, "it is remembered").not.toBeChecked();
  await wrap.check();
  await page.getByLabel("Times").check();
  await expect(page.locator("#lines .line-time").first()).toHaveText(/^\d\d:\d\d:\d\d\.\d{3}$/);
  expect(await inside()).toBe(0);
  expect(await outside()).toBe(0);
});

/** Where somebody reads, once nothing scrolls any more. */
async function settled(page: Page) {
  let last = await place(page);
  await expect
    .poll(async () => {
      const before = last;
      last = await place(page);
      return last.line === before.line && last.offset === before.offset;
    })
    .toBe(true);
  return last;
}
