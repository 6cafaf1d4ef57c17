// Who did what is on a page: as it happens, found by filters, handed on as a file.
import { readFile } from "node:fs/promises";

import type { Locator, Page } from "@playwright/test";

import { connectedApp, createApp, deploy, status } from "../support/app";
import { tabTo } from "../support/keyboard";
import { expectSamePage, openOnce } from "../support/once";
import { expect, installation, PASSWORD, test, USERNAME } from "../support/signedIn";
import { watch } from "../support/test";

const it = installation();

test("whatever is done is on an open page at once, the newest first, and leads to what it was done to", async ({ page, context }) => {
  await page.goto("/");
  await page.getByRole("link", { name: "Audit", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Audit");
  await expect(actions(page)).toContainText(["SETUP"]);
  const log = await openOnce(context, "/audit");
  const newest = Number((await log.locator(".entry").first().getAttribute("id"))!.replace("entry-", ""));
  const fresh = async () => {
    const rows = await log.locator(".entry").evaluateAll((all) =>
      all.map((row) => ({
        id: Number(row.id.replace("entry-", "")),
        text: [".entry-action", ".entry-what", ".entry-result"].map((cell) => row.querySelector(cell)!.textContent!.trim()).join(" "),
      })),
    );
    expect(rows.map(({ id }) => id)).toEqual(rows.map(({ id }) => id).sort((one, other) => other - one));
    return rows.filter(({ id }) => id > newest).map(({ text }) => text.replace(/\s+/g, " "));
  };

  await tryToLogIn(page, USERNAME, "not the password");
  await expect.poll(fresh).toEqual([`LOGIN user ${USERNAME} Failure`]);
  const failed = log.locator(".entry.row-failed");
  await expect(failed.locator(".entry-who")).toContainText(USERNAME);
  await expect(failed.locator(".entry-address")).toHaveText("127.0.0.1");
  await expect(failed.locator(".entry-detail")).toHaveText("wrong name or password");
  await it.forge.commit("walk", "hello", { message: "Work" });
  const app = await connectedApp(page, it.forge, { slug: "walk" });
  await expect.poll(fresh).toEqual(expect.arrayContaining(["APP_CREATE app walk Success"]));
  await deploy(page, app);
  await expect.poll(fresh).toEqual(expect.arrayContaining(["DEPLOY deployment walk#1 Success"]));
  await expect(status(page)).toHaveText("Success");
  await expect.poll(async () => (await fresh()).filter((text) => text === "DEPLOY deployment walk#1 Success").length, "asked for, and ended").toBe(2);
  await page.goto("/settings");
  await page.getByLabel("Deliveries, in days").fill("20");
  await page.locator("#retention").getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved.")).toBeVisible();
  await expect.poll(async () => (await fresh())[0]).toBe("SETTINGS_CHANGE setting retention Success");
  await expect(log.locator(".entry").first().locator(".entry-detail")).toContainText("deliveries 20");
  await expect(log.locator(".entry").first().locator(".entry-who")).toContainText(USERNAME);
  await expectSamePage(log);

  await log.bringToFront();
  const shown = await fresh();
  await log.reload();
  expect(await fresh(), "and a reload shows the same").toEqual(shown);
  await log.getByRole("link", { name: "walk#1" }).first().click();
  await expect(log).toHaveURL("/apps/walk/deployments/1");
});

test("a filter is in the address, and survives a reload, a way to somewhere else and back, and forward again", async ({ page }) => {
  await page.goto("/audit");
  await page.getByLabel("Action").selectOption("SETUP");
  await filter(page);
  await expect(page).toHaveURL(/\/audit\?action=SETUP/);
  await expect(actions(page)).toHaveText(["SETUP"]);
  await page.getByLabel("Result").selectOption("FAILURE");
  await page.getByLabel("User").fill("nobody");
  await filter(page);
  const narrow = /\/audit\?action=SETUP&resource=&user=nobody&result=FAILURE/;
  await expect(page).toHaveURL(narrow);
  const expectNarrow = async () => {
    await expect(page).toHaveURL(narrow);
    await expect(page.getByRole("heading", { name: "No entry matches." })).toBeVisible();
    await expectChosen(page, { Action: "SETUP", Result: "FAILURE", User: "nobody" });
  };
  await expectNarrow();
  await page.reload();
  await expectNarrow();

  await page.goBack();
  await expect(page).toHaveURL(/\/audit\?action=SETUP/);
  await expect(actions(page)).toHaveText(["SETUP"]);
  await expectChosen(page, { Action: "SETUP", Result: "", User: "" });
  await expect(page.getByRole("button", { name: "Filter" }), "nothing is left under way").toBeEnabled();
  await page.goBack();
  await expect(page).toHaveURL("/audit");
  await expect(actions(page).nth(1)).toBeVisible();
  await expectChosen(page, { Action: "", Result: "", User: "" });
  await page.goForward();
  await expect(actions(page)).toHaveText(["SETUP"]);
  await expectChosen(page, { Action: "SETUP", Result: "", User: "" });
  await page.goForward();
  await expectNarrow();
});

test("a hostile name is shown as text, as it comes and after a reload, and can be looked for", async ({ page, context }) => {
  const hostile = "<img src=x onerror=alert(1)> \u202Egpj.exe";
  const shown = "<img src=x onerror=alert(1)> [U+202E]gpj.exe";
  await openOnce(context, "/audit", page);
  await tryToLogIn(page, hostile, PASSWORD);
  const who = page.locator(".entry.row-failed .entry-who", { hasText: "onerror" });
  await expect(who).toContainText(shown);
  await expectSamePage(page);
  for (const where of ["/audit", `/audit?user=${encodeURIComponent(hostile)}`, "/audit?q=onerror"]) {
    await page.goto(where);
    await expect(who).toHaveCount(1);
    await expect(who).toContainText(shown);
    expect(await page.locator("img").count()).toBe(0);
    expect(await page.locator("main").innerText()).not.toContain("\u202E");
  }
  await page.goto(`/audit?q=${encodeURIComponent('"><img src=x onerror=alert(1)>')}`);
  await expect(page.getByRole("searchbox", { name: "Search" })).toHaveValue('"><img src=x onerror=alert(1)>');
  expect(await page.locator("img").count()).toBe(0);
});

test("everything on the page is reached and done with the keyboard alone", async ({ page }) => {
  const { slug, url } = await createApp(page, it.forge, { slug: "keys" });
  await page.goto("/audit");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await tabTo(page, page.getByRole("link", { name: "Export as JSONL" }));
  await tabTo(page, page.getByLabel("Action"));
  await page.keyboard.type("SETUP");
  await expect(page.getByLabel("Action")).toHaveValue("SETUP");
  for (const label of ["Resource", "User", "Result", "From", "Until"]) await tabTo(page, page.getByLabel(label, { exact: false }).first());
  await tabTo(page, page.getByRole("searchbox", { name: "Search" }));
  await tabTo(page, page.getByRole("button", { name: "Filter" }));
  await page.keyboard.press("Enter");
  await expect(actions(page)).toHaveText(["SETUP"]);
  await tabTo(page, page.getByRole("link", { name: "Clear filters" }));
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL("/audit");

  await page.keyboard.press("/");
  await expect(page.getByRole("searchbox", { name: "Search" })).toBeFocused();
  await page.keyboard.type(`app_create ${slug}`);
  await page.keyboard.press("Enter");
  await expect(actions(page)).toHaveText(["APP_CREATE"]);
  await tabTo(page, page.locator(".entry-what").getByRole("link"));
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(url);
});

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with JavaScript" : "without JavaScript", () => {
    test.use({ javaScriptEnabled });

    test("entries are found by filters and words, exported, and shown all again", async ({ page }) => {
      const name = javaScriptEnabled ? "mallory" : "trudy";
      await page.goto("/audit");
      await tryToLogIn(page, name, PASSWORD);
      await page.getByLabel("Action").selectOption("LOGIN");
      await page.getByLabel("Result").selectOption("FAILURE");
      await page.getByLabel("User").fill(name);
      await filter(page);
      await expect(page).toHaveURL(new RegExp(`/audit\\?action=LOGIN&.*user=${name}&result=FAILURE`));
      await expect(actions(page)).toHaveText(["LOGIN"]);
      await expect(page.getByLabel("Action")).toHaveValue("LOGIN");
      expect(await exported(page)).toMatchObject([{ action: "LOGIN", result: "FAILURE", user_name: name }]);

      await page.getByRole("link", { name: "Clear filters" }).click();
      await expect(page).toHaveURL("/audit");
      expect(await actions(page).count()).toBeGreaterThan(1);

      await page.getByRole("searchbox", { name: "Search" }).fill(`${name.slice(0, 4)} login`);
      await page.keyboard.press("Enter");
      await expect(actions(page)).toHaveText(["LOGIN"]);
      await page.getByLabel("Until").fill("2026-01-01T00:00");
      await filter(page);
      await expect(page.getByRole("heading", { name: "No entry matches." })).toBeVisible();
      await expect(page.getByLabel("Until"), "what was chosen stays").toHaveValue("2026-01-01T00:00");
    });

    test("what is not understood is said beside its field, and what was typed stays", async ({ page }) => {
      await page.goto("/audit?from=2026-11-23T10:00&until=2026-11-22T10:00&user=ada");
      await expect(page.locator("#until-error")).toContainText("later than");
      await expect(page.getByLabel("Until")).toHaveValue("2026-11-22T10:00");
      await expectChosen(page, { From: "2026-11-23T10:00", User: "ada" });
      await expect(page.getByRole("heading", { name: "Nothing was looked for." })).toBeVisible();
      await expect(page.getByRole("link", { name: "Export as JSONL" })).toHaveCount(0);
      await page.getByLabel("Until").fill("");
      await page.getByLabel("User").fill("");
      await page.getByLabel("From").fill("2026-01-01T10:00");
      await page.getByLabel("Action").selectOption("SETUP");
      await filter(page);
      await expect(actions(page)).toHaveText(["SETUP"]);
    });

    test("older entries are a page further, none is missing or there twice, and the export has them all", async ({ page }) => {
      for (let days = 1; days <= 51; days++) {
        const form = { audit_days: "90", deliveries_days: String(days), journals_days: "90" };
        expect((await page.request.post("/settings/retention", { form, maxRedirects: 0 })).status()).toBe(303);
      }
      await page.goto("/audit?action=SETTINGS_CHANGE");
      const first = await ids(page);
      expect(first).toHaveLength(50);
      await page.getByRole("link", { name: "Older" }).click();
      await expect(page).toHaveURL(/\/audit\?action=SETTINGS_CHANGE&before=\d+$/);
      await expectChosen(page, { Action: "SETTINGS_CHANGE" });
      await expect(page.getByRole("link", { name: "Newest" })).toBeVisible();
      const all = [...first, ...(await ids(page))];
      for (const older = page.getByRole("link", { name: "Older" }); (await older.count()) > 0; all.push(...(await ids(page)))) {
        await Promise.all([page.waitForEvent("load"), older.click()]);
      }
      const lines = await exported(page);
      expect(lines.map(({ id }) => id)).toEqual(all);
      expect(new Set(all).size).toBe(all.length);
      await page.getByRole("link", { name: "Newest" }).click();
      await expect(page).toHaveURL("/audit?action=SETTINGS_CHANGE");
      expect(await ids(page)).toEqual(first);
    });
  });
}

function actions(page: Page): Locator {
  return page.locator(".entry-action");
}

/** The numbers of the entries on the page. */
function ids(page: Page): Promise<number[]> {
  return page.locator(".entry").evaluateAll((all) => all.map((row) => Number(row.id.replace("entry-", ""))));
}

/** Tries to log in from a browser of its own, which is signed in nowhere. */
async function tryToLogIn(page: Page, username: string, password: string): Promise<void> {
  const context = await page.context().browser()!.newContext({ baseURL: it.server.url, storageState: undefined });
  const complaints = await watch(context);
  const other = await context.newPage();
  await other.goto("/login");
  await other.getByLabel("User name").fill(username);
  await other.getByLabel("Password", { exact: true }).fill(password);
  await other.getByRole("button", { name: "Log in" }).click();
  await expect(other.getByRole("alert").or(other.getByRole("heading", { name: "Apps" }))).toBeVisible();
  expect(complaints).toEqual([]);
  await context.close();
}

async function filter(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Filter" }).click();
}

/** What stands in the form's fields, by their labels. */
async function expectChosen(page: Page, values: Record<string, string>): Promise<void> {
  for (const [label, value] of Object.entries(values)) await expect(page.getByLabel(label), label).toHaveValue(value);
}

/** Downloads what the page shows; the lines. */
async function exported(page: Page): Promise<{ id: number }[]> {
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Export as JSONL" }).click()]);
  expect(download.suggestedFilename()).toMatch(/^audit-\d{4}-\d\d-\d\d\.jsonl$/);
  const text = await readFile(await download.path(), "utf8");
  expect(text.endsWith("\n")).toBe(true);
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}
