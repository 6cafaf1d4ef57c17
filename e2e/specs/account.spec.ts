import type { Page } from "@playwright/test";

import { expect, installation, PASSWORD, test, USERNAME } from "../support/signedIn";
import { watch } from "../support/test";

const it = installation();

async function logIn(page: Page, password = PASSWORD, username = USERNAME): Promise<void> {
  await page.getByLabel("User name").fill(username);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
}

test.describe("without a session", () => {
  test.use({ storageState: undefined });

  test("a wrong password is refused without saying what was wrong, and the name stays", async ({ page }) => {
    await page.goto("/login");
    await logIn(page, "not the password");
    await expect(page.getByRole("alert")).toHaveText("This name and password do not belong together.");
    await expect(page.getByLabel("User name")).toHaveValue(USERNAME);
    await expect(page.getByLabel("Password", { exact: true })).toHaveValue("");
    await logIn(page, PASSWORD, "nobody");
    await expect(page.getByRole("alert")).toHaveText("This name and password do not belong together.");
    await logIn(page);
    await expect(page).toHaveURL("/");
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Apps");
  });

  test("a deep link is where one arrives after logging in", async ({ page }) => {
    await page.goto("/audit?user=admin&result=SUCCESS");
    await expect(page).toHaveURL(/\/login\?next=/);
    await logIn(page, "not the password");
    await expect(page.getByRole("alert")).toBeVisible();
    await logIn(page);
    await expect(page).toHaveURL("/audit?user=admin&result=SUCCESS");
    await expect(page.locator("#user")).toHaveValue("admin");
    await page.getByRole("button", { name: /^Theme: auto/ }).click();
    await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
    await expect(page, "the theme changes in place").toHaveURL("/audit?user=admin&result=SUCCESS");
  });

  test("a link that would lead elsewhere after logging in leads home", async ({ page }) => {
    await page.goto("/login?next=//example.org/");
    await logIn(page);
    await expect(page).toHaveURL("/");
  });

  test("logging out ends the session, on this browser and for a copy of its cookie", async ({ page, context }) => {
    await page.goto("/login");
    await logIn(page);
    await expect(page).toHaveURL("/");
    const cookies = await context.cookies();
    await page.getByRole("button", { name: "Log out" }).click();
    await expect(page).toHaveURL("/login");
    await page.goto("/settings");
    await expect(page).toHaveURL(/\/login/);
    await context.addCookies(cookies);
    await page.goto("/settings");
    await expect(page).toHaveURL(/\/login/);
  });
});

test("the theme is switched from the top bar and remembered, also after logging out", async ({ page }) => {
  const html = page.locator("html");
  await page.goto("/settings");
  await expect(html).toHaveAttribute("data-theme", "auto");
  for (const theme of ["light", "dark"]) {
    await page.getByRole("button", { name: /^Theme:/ }).click();
    await expect(html).toHaveAttribute("data-theme", theme);
    await expect(page).toHaveURL("/settings");
  }
  await page.goto("/");
  await expect(html).toHaveAttribute("data-theme", "dark");
  // Dark also where the system says light.
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.emulateMedia({ colorScheme: "dark" });
  const dark = await background();
  await page.emulateMedia({ colorScheme: "light" });
  expect(await background()).toBe(dark);
});

// The last one: afterwards the session that tests start with is worth nothing.
test("a changed password ends every other session and is the only one that counts", async ({ page, browser }) => {
  const NEW = "a fresh set of words";
  const elsewhere = await browser.newContext({ baseURL: it.server.url, storageState: undefined });
  const complaints = await watch(elsewhere, { breaksStreams: true });
  const second = await elsewhere.newPage();
  await second.goto("/login");
  await logIn(second);
  await expect(second).toHaveURL("/");

  await page.goto("/settings");
  await page.getByLabel("Current password").fill("not the password");
  await page.getByLabel("New password", { exact: true }).fill("short");
  await page.getByLabel("New password again").fill("other");
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(page.locator("#current_password-error")).toContainText("That is not your current password.");
  await expect(page.locator("#password-error")).toContainText("Use at least 12 characters");
  await expect(page.locator("#password_confirmation-error")).toContainText("not the same");

  await page.getByLabel("Current password").fill(PASSWORD);
  await page.getByLabel("New password", { exact: true }).fill(NEW);
  await page.getByLabel("New password again").fill(NEW);
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(page.getByText("The password was changed.").or(page.getByText("The password is changed."))).toBeVisible();

  await page.goto("/");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Apps");
  // Its stream ends with its session, and the page goes by itself.
  await expect(second).toHaveURL("/login");
  await logIn(second);
  await expect(second.getByRole("alert")).toBeVisible();
  await logIn(second, NEW);
  await expect(second).toHaveURL("/");
  expect(complaints).toEqual([]);
  await elsewhere.close();
});
