// Pages that are opened once, and never loaded again whatever happens.
import { type BrowserContext, expect, type Page } from "@playwright/test";

/** Opens a page that must never be loaded again. */
export async function openOnce(context: BrowserContext, url: string, page?: Page): Promise<Page> {
  const opened = page ?? (await context.newPage());
  // Only what is in front is drawn.
  await opened.bringToFront();
  await opened.goto(url);
  await opened.evaluate(() => Object.assign(window, { openedOnce: true }));
  return opened;
}

export async function expectSamePage(page: Page): Promise<void> {
  expect(await page.evaluate(() => "openedOnce" in window), "the page was never loaded anew").toBe(true);
}
