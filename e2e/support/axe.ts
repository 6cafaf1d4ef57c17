// A page as different people meet it: on a wide screen and on a phone, in light and in dark. axe-core must find nothing in any of them.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";

const SHOTS = process.env.UPAAS_E2E_SHOTS;
const WIDE = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
/** Also a wide page at 400 %: it has to be read without scrolling sideways. */
const NARROWEST = { width: 320, height: 640 };

const LOOKS = [
  { name: "wide", viewport: WIDE, colorScheme: "light" },
  { name: "wide-dark", viewport: WIDE, colorScheme: "dark" },
  { name: "phone", viewport: PHONE, colorScheme: "light" },
  { name: "phone-dark", viewport: PHONE, colorScheme: "dark" },
] as const;

/** Checks the page in every look, and keeps a picture of each when a folder for them is named. */
export async function expectGoodLook(page: Page, name: string): Promise<void> {
  for (const look of LOOKS) {
    await page.setViewportSize(look.viewport);
    await page.emulateMedia({ colorScheme: look.colorScheme });
    if (SHOTS) await picture(page, `${name}-${look.name}`);
    // "Legacy" costs half the time and leaves out only what is about frames; there are none.
    const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
    const found = violations.map(({ id, help, nodes }) => ({ id, help, where: nodes.map((node) => node.html) }));
    expect.soft(found, `${name}, ${look.name}: axe-core`).toEqual([]);
    await expectFits(page, `${name}, ${look.name}`);
  }
  await page.setViewportSize(NARROWEST);
  await expectFits(page, `${name}, narrowest`);
  await page.setViewportSize(WIDE);
}

async function expectFits(page: Page, look: string): Promise<void> {
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect.soft(overflow, `${look}: pixels that stick out to the right`).toBeLessThanOrEqual(0);
}

async function picture(page: Page, name: string): Promise<void> {
  await mkdir(SHOTS!, { recursive: true });
  await page.screenshot({ path: join(SHOTS!, `${name}.png`), fullPage: true });
}
