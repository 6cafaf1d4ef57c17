// A page as somebody without a mouse meets it.
import { expect, type Locator, type Page } from "@playwright/test";

const STOPS_MAX = 100;

/** Presses Tab until the focus is there; it has to be reached, and to be seen. */
export async function tabTo(page: Page, target: Locator): Promise<void> {
  for (let stops = 0; stops < STOPS_MAX; stops++) {
    if (await target.evaluate((element) => element === document.activeElement)) {
      await expect(target).toBeInViewport();
      const { outlineStyle, boxShadow, borderColor } = await target.evaluate((element) => getComputedStyle(element));
      expect(outlineStyle !== "none" || boxShadow !== "none", `it shows that it has the focus: ${borderColor}`).toBe(true);
      return;
    }
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not reach ${target}`);
}
