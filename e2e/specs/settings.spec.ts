// The installation's settings: tokens for other programs, and how long what happened is kept.
import type { Locator, Page } from "@playwright/test";

import { tabTo } from "../support/keyboard";
import { expect, installation, test } from "../support/signedIn";

const it = installation();

/** What a token of scope "read" is for. */
const READABLE = ["/health", "/api/audit"];

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with JavaScript" : "without JavaScript", () => {
    test.use({ javaScriptEnabled });
    const name = javaScriptEnabled ? "prometheus" : "grafana";

    test("a token is shown once, is good until it is revoked, and not a moment longer", async ({ page, context }) => {
      await context.grantPermissions(["clipboard-read", "clipboard-write"]);
      await page.goto("/settings");
      await page.getByLabel("Name", { exact: true }).fill(name);
      await page.getByLabel("Ends after").selectOption("30 days");
      await page.getByRole("button", { name: "Make token" }).click();

      await expect(page.locator("#token-made-title")).toContainText(name);
      await expect(page.locator("#new-token"), "the page opens where it is").toBeInViewport();
      const token = await page.locator("#new-token").innerText();
      expect(token).toMatch(/^upaas_\S{20,}$/);
      await expect(page.locator("#token-example")).toContainText(`Bearer ${token}`);
      const copy = page.getByRole("button", { name: "Copy token" });
      if (javaScriptEnabled) {
        await copy.click();
        await expect(page.getByRole("button", { name: "Copied" })).toBeVisible();
        expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(token);
      } else {
        await expect(copy, "nothing is offered that cannot work").toBeHidden();
      }
      await expect(row(page, name)).toContainText("read");
      await expect(row(page, name)).toContainText("never used");

      await page.reload();
      await expect(row(page, name), "a form that is sent again makes no second token").toHaveCount(1);
      expect(await page.content()).not.toContain(token);
      await page.goto("/settings");
      expect(await page.content()).not.toContain(token);
      await page.goto("/audit?action=TOKEN_CREATE");
      await expect(page.locator(".entry-what").first()).toContainText(name);
      expect(await page.content()).not.toContain(token);

      for (const path of READABLE) expect(await answer(path, token), path).toBe(200);
      expect(await answer("/health", `${token}x`)).toBe(401);
      expect(await answer("/apps/nothing/deployments", token, "POST"), "it may only read").toBe(403);
      await page.goto("/settings");
      await expect(row(page, name)).toContainText(/last used (just now|\d+ s ago)/);

      await row(page, name).getByText("Revoke…").click();
      await expect(row(page, name)).toContainText("It cannot be brought back.");
      for (const path of READABLE) expect(await answer(path, token), "nothing has happened yet").toBe(200);
      await row(page, name).getByRole("button", { name: "Revoke token" }).click();
      await expect(page.getByText("The token is revoked")).toBeVisible();
      await expect(row(page, name)).toHaveCount(0);
      for (const path of READABLE) expect(await answer(path, token), path).toBe(401);
    });

    test("a token that is asked for wrongly is refused beside the field, and what was chosen stays", async ({ page }) => {
      await page.goto("/settings");
      await page.getByLabel("deploy").check();
      await page.getByLabel("Ends after").selectOption("1 year");
      await page.getByRole("button", { name: "Make token" }).click();
      const error = page.locator("#token_name-error");
      await expect(error).toContainText("Give it a name");
      await expectOpenAt(page.getByLabel("Name", { exact: true }));
      await expect(page.getByLabel("deploy")).toBeChecked();
      await expect(page.getByLabel("Ends after")).toHaveValue("365");
      await expect(page.locator("#new-token")).toHaveCount(0);

      await page.getByLabel("Name", { exact: true }).fill(`${name}-twice`);
      await page.getByRole("button", { name: "Make token" }).click();
      await expect(row(page, `${name}-twice`)).toContainText("deploy");
      await expect(page.getByLabel("Name", { exact: true }), "the next one begins anew").toHaveValue("");
      await page.getByLabel("Name", { exact: true }).fill(`${name}-twice`);
      await page.getByRole("button", { name: "Make token" }).click();
      await expect(error).toContainText("There is a token with this name.");
      await expect(page.getByLabel("Name", { exact: true })).toHaveValue(`${name}-twice`);
      await expect(row(page, `${name}-twice`)).toHaveCount(1);
      await expect(page.locator("#new-token")).toHaveCount(0);
      await revoke(page, `${name}-twice`);
    });

    test("how long things are kept is saved as a whole, or refused beside the field and what was typed stays", async ({ page }) => {
      const days = { "Audit entries, in days": "365", "Deliveries, in days": "14", "Journals, in days": "7" };
      await page.goto("/settings");
      for (const [label, value] of Object.entries(days)) await page.getByLabel(label).fill(value);
      await save(page);
      await expect(page.getByText("Saved.")).toBeVisible();
      await page.goto("/settings");
      await expectDays(page, days);

      const wrong = { "Audit entries, in days": "30", "Deliveries, in days": "0", "Journals, in days": "<b>a while</b>" };
      for (const [label, value] of Object.entries(wrong)) await page.getByLabel(label).fill(value);
      await save(page);
      await expect(page.locator("#deliveries_days-error")).toContainText("from 1 to 3650");
      await expect(page.locator("#journals_days-error")).toContainText("from 1 to 3650");
      await expect(page.locator("#audit_days-error")).toHaveCount(0);
      await expectOpenAt(page.getByLabel("Deliveries, in days"));
      await expectDays(page, wrong);
      await page.goto("/settings");
      await expectDays(page, days);
    });

    test("what is too old goes at once when somebody says so twice, and the page says what went", async ({ page }) => {
      await page.goto("/settings");
      const run = page.locator("#retention").getByRole("button", { name: "Run now" });
      await expect(run).toBeHidden();
      await page.getByText("Run now…").click();
      await expect(page.locator("#retention")).toContainText("It does not come back.");
      await run.click();
      await expect(page.locator("#retention-last-run")).toContainText("nothing was old enough to go");
      await expect(page.locator("#retention-last-run")).toBeInViewport();
      await page.goto("/audit?action=RETENTION");
      await expect(page.locator(".entry-who").first()).toContainText("admin");
    });
  });
}

test("a token is made and revoked with the keyboard alone", async ({ page }) => {
  await page.goto("/settings");
  await tabTo(page, page.getByLabel("Name", { exact: true }));
  await page.keyboard.type("keys");
  await tabTo(page, page.getByLabel("read"));
  await page.keyboard.press("ArrowDown");
  await expect(page.getByLabel("deploy")).toBeChecked();
  await tabTo(page, page.getByLabel("Ends after"));
  await tabTo(page, page.getByRole("button", { name: "Make token" }));
  await page.keyboard.press("Enter");
  await expect(page.locator("#new-token"), "what is to be copied has the focus").toBeFocused();
  await tabTo(page, page.getByRole("button", { name: "Copy token" }));
  await tabTo(page, row(page, "keys").locator("summary"));
  await page.keyboard.press("Enter");
  await tabTo(page, row(page, "keys").getByRole("button", { name: "Revoke token" }));
  await page.keyboard.press("Enter");
  await expect(row(page, "keys")).toHaveCount(0);
});

test("a hostile name of a token is refused or shown as text", async ({ page }) => {
  const hostile = "<img src=x onerror=alert(1)>";
  await page.goto("/settings");
  await page.getByLabel("Name", { exact: true }).fill(`${hostile}\u202E`);
  await page.getByRole("button", { name: "Make token" }).click();
  await expect(page.locator("#token_name-error")).toContainText("no control characters");
  await page.getByLabel("Name", { exact: true }).fill(hostile);
  await page.getByRole("button", { name: "Make token" }).click();
  await expect(page.locator("#token-made-title")).toContainText(hostile);
  await expect(row(page, hostile)).toHaveCount(1);
  expect(await page.locator("img").count()).toBe(0);
  await revoke(page, hostile);
});

/** A token in the list. */
function row(page: Page, name: string): Locator {
  return page.locator("#tokens .item-row").filter({ has: page.getByText(name, { exact: true }) });
}

async function revoke(page: Page, name: string): Promise<void> {
  await row(page, name).getByText("Revoke…").click();
  await row(page, name).getByRole("button", { name: "Revoke token" }).click();
  await expect(row(page, name)).toHaveCount(0);
}

async function save(page: Page): Promise<void> {
  await page.locator("#retention").getByRole("button", { name: "Save" }).click();
}

async function expectDays(page: Page, days: Record<string, string>): Promise<void> {
  for (const [label, value] of Object.entries(days)) await expect(page.getByLabel(label), label).toHaveValue(value);
}

/** The first field that is wrong is where the page opens, and where one goes on typing. */
async function expectOpenAt(field: Locator): Promise<void> {
  await expect(field).toBeInViewport();
  await expect(field).toBeFocused();
  await expect(field).toHaveAttribute("aria-invalid", "true");
}

/** What a program is answered, which has nothing but a token. */
async function answer(path: string, token: string, method = "GET"): Promise<number> {
  const response = await fetch(it.server.url + path, { method, headers: { authorization: `Bearer ${token}` }, redirect: "manual" });
  return response.status;
}
