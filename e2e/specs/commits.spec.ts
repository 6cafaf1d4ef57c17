// Deploying a commit of one's choice: one of the recent ones, or one by its id.
import type { Locator, Page } from "@playwright/test";

import { type App, connectedApp, status } from "../support/app";
import { expectGoodLook } from "../support/axe";
import { tabTo } from "../support/keyboard";
import { answer } from "../support/ports";
import { expect, installation, test } from "../support/signedIn";

const it = installation();
const ids: string[] = [];
let shop: App;

test.describe.configure({ mode: "serial" });

test("before anything was fetched the page says so, and how to", async ({ page }) => {
  ids.push(await it.forge.commit("shop", "hello", { message: "Serve the first version", files: { "index.html": "first" } }));
  ids.push(await it.forge.push("shop", { "index.html": "second" }, { message: `Serve the second version, ${"and tell why ".repeat(8)}` }));
  ids.push(await it.forge.push("shop", { "index.html": "third" }, { message: "Serve the third version" }));
  shop = await connectedApp(page, it.forge, { slug: "shop" });
  await page.getByRole("link", { name: "Commit…" }).click();
  await expect(page.getByRole("heading", { name: "No commit of main was fetched yet." })).toBeVisible();
  await expectGoodLook(page, "commits-empty");

  await it.forge.hangUp();
  await page.getByRole("button", { name: "Look for new commits" }).click();
  await expect(page.locator("main").getByRole("alert")).toContainText("The commits could not be looked for.");
  await expectGoodLook(page, "commits-trouble");
  await it.forge.listen();

  await page.getByRole("button", { name: "Look for new commits" }).click();
  await expect(rows(page)).toHaveCount(3);
  await expect(rows(page)).toContainText(["Serve the third version", "Serve the second version", "Serve the first version"]);
  await page.getByRole("button", { name: "Look for new commits" }).click();
  await expect(page.locator("#flash")).toHaveText("There is no new commit on main.");
  await expect(rows(page)).toHaveCount(3);
});

test("an older commit is chosen from the list, and made live", async ({ page }) => {
  await page.goto(`${shop.url}/commits`);
  await page.getByRole("button", { name: `Deploy ${ids[1].slice(0, 8)}` }).click();
  await expect(page).toHaveURL(`${shop.url}/deployments/1`);
  await expect(status(page)).toHaveText("Success");
  expect(await answer(shop.port)).toBe("second");
  await page.goto(`${shop.url}/commits`);
  await expect(rows(page).nth(1).locator(".tag")).toHaveText("live");
  await expect(rows(page).nth(1).getByRole("link", { name: "#1" })).toHaveAttribute("href", `${shop.url}/deployments/1`);
  await expectGoodLook(page, "commits");
});

test("Return in the field deploys what is typed there, not what stands in the list", async ({ page }) => {
  await page.goto(`${shop.url}/commits`);
  await tabTo(page, page.getByLabel("Commit", { exact: true }));
  await page.keyboard.type(ids[0].slice(0, 8));
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(`${shop.url}/deployments/2`);
  await expect(status(page)).toHaveText("Success");
  expect(await answer(shop.port)).toBe("first");
});

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with JavaScript" : "without JavaScript", () => {
    test.use({ javaScriptEnabled });

    test("an id that is not one, or of no commit, stays in its field beside what is wrong", async ({ page }) => {
      await page.goto(`${shop.url}/commits`);
      const [field, error] = [page.getByLabel("Commit", { exact: true }), page.locator("#commit-error")];
      const typed = async (text: string) => {
        await field.fill(text);
        await page.getByRole("button", { name: "Deploy this commit" }).click();
        await expect(error).toBeVisible();
      };
      await typed("");
      await expect(error).toHaveText("Type the commit's id.");
      await typed("main");
      await expect(error).toContainText("at least the first 7");
      await page.getByLabel("Without cache").check();
      await typed("0123456789");
      await expect(error).toContainText("No commit that was fetched begins with 0123456789.");
      await expect(field).toHaveValue("0123456789");
      await expect(page.getByLabel("Without cache")).toBeChecked();
      await expect(rows(page), "the list is still there").toHaveCount(3);
      if (javaScriptEnabled) await expectGoodLook(page, "commits-wrong");
      await field.fill(ids[2]);
      await page.getByRole("button", { name: "Deploy this commit" }).click();
      await expect(page).toHaveURL(/\/deployments\/\d+$/);
      await expect(status(page)).toHaveText("Success");
      expect(await answer(shop.port)).toBe("third");
    });
  });
}

function rows(page: Page): Locator {
  return page.locator(".commit-row");
}
