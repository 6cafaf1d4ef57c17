// How µPaaS is, for people: each of its parts, the machine, and what becomes of both when the engine hangs.
import { expectSamePage, openOnce } from "../support/once";
import { expect, installation, test } from "../support/signedIn";

const it = installation({ engineOnWire: true });

const COMPONENTS = ["Database", "Data directory", "Engine", "Disk", "Queue", "git", "Audit log", "Notifications", "Forge"];
/** An engine that hangs is asked every few seconds; a page is looked at again at least every 30 s. */
const NOTICED_MS = 60_000;

test("every part says how it is, with numbers and units", async ({ page }) => {
  await page.goto("/");
  await page.getByRole("link", { name: "System", exact: true }).click();
  await expect(page.locator(".component-row h3")).toHaveText(COMPONENTS);
  await expect(page.locator("#components .panel-head .badge")).toHaveText("Healthy");
  const said = (name: string) => page.locator(".component-row").filter({ has: page.getByRole("heading", { name, exact: true }) });
  for (const name of COMPONENTS.slice(0, 7)) await expect(said(name).locator(".badge")).toHaveText("OK");
  for (const name of COMPONENTS.slice(7)) await expect(said(name).locator(".badge")).toHaveText("Not set up");
  await expect(said("Engine")).toContainText(/Docker Engine \d+\.\d+\S*, API \d+\.\d+\./);
  await expect(said("Disk")).toContainText(/\d+(\.\d+)? [kMGT]B free of \d+(\.\d+)? [kMGT]B/);
  await expect(said("Queue")).toContainText("Nothing waits and nothing runs.");
  const panel = (name: string) => page.getByRole("region", { name });
  await expect(panel("Machine")).toContainText(/\d+\.\d\d · \d+\.\d\d · \d+\.\d\d\s+on \d+ core/);
  await expect(panel("Machine").getByRole("img", { name: /^\d+ % of the memory is used$/ })).toHaveCount(1);
  await expect(panel("Disk of the data directory").getByRole("img", { name: /^\d+ % of the disk is used$/ })).toHaveCount(1);
  const disk = (part: string) => panel("Disk of the data directory").locator("dl > div").filter({ has: page.getByText(part, { exact: true }) });
  // The engine may take its time to say what the images take; the page does not wait for that.
  await expect.poll(async () => (await page.reload()) && disk("Images, at the engine").count()).toBe(1);
  for (const part of ["Database and its log", "Journals", "Mirrors", "Builds", "Audit files", "Images, at the engine"]) {
    await expect(disk(part).locator("dd")).toHaveText(/^\d+(\.\d+)? [kMGT]?B$/);
  }
});

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with JavaScript" : "without JavaScript", () => {
    test.use({ javaScriptEnabled });

    test("the database is checked when somebody wants it, and the page says what was found and when", async ({ page }) => {
      const integrity = page.locator("#integrity");
      const when = async () => (await integrity.locator("time").count()) && (await integrity.locator("time").getAttribute("datetime"));
      await page.goto("/system");
      const before = await when();
      await page.getByRole("button", { name: "Check now" }).click();
      await expect(page).toHaveURL("/system#integrity");
      await expect(integrity).toBeInViewport();
      await expect(integrity.locator(".badge")).toHaveText("Sound");
      await expect.poll(when).not.toBe(before);
      await expect(integrity).toContainText(/Checked (just now|\d+ s ago)\./);
      await expect(integrity.getByRole("button", { name: "Check now" })).toBeEnabled();
    });
  });
}

test("an engine that hangs is told on the open page and to probes, nothing else stops, and all recovers", async ({ page, context, request }) => {
  await openOnce(context, "/system", page);
  const engine = page.locator(".component-row").filter({ has: page.getByRole("heading", { name: "Engine", exact: true }) });
  await expect(engine.locator(".badge")).toHaveText("OK");
  try {
    it.engine!.freeze();
    await expect(engine.locator(".badge")).toHaveText("Failing", { timeout: NOTICED_MS });
    await expect(engine).toContainText("No answer within 1 s.");
    await expect(page.locator("#system-engine .badge")).toHaveText("Unreachable", { timeout: NOTICED_MS });
    await expect(page.locator("#engine-alert .alert")).toBeVisible();
    await expect(page.locator("#components .panel-head .badge")).not.toHaveText("Healthy");
    await expect(page.locator("#favicon")).toHaveAttribute("href", /favicon-failed/);
    await expectSamePage(page);

    const ready = await request.get("/health/ready");
    expect(ready.status()).toBe(503);
    expect(await ready.text()).toContain("docker");
    expect((await request.get("/health/live")).status()).toBe(200);
    for (const path of ["/", "/audit", "/settings", "/system"]) {
      const other = await context.newPage();
      await other.goto(path, { timeout: 10_000 });
      await expect(other.locator("#engine-alert .alert")).toBeVisible();
      await other.close();
    }
  } finally {
    it.engine!.thaw();
  }
  await expect(page.locator("#system-engine .badge")).toHaveText("Up", { timeout: NOTICED_MS });
  await expect(engine.locator(".badge")).toHaveText("OK", { timeout: NOTICED_MS });
  await expect(page.locator("#engine-alert .alert")).toHaveCount(0);
  await expect(page.locator("#components .panel-head .badge")).toHaveText("Healthy");
  expect((await request.get("/health/ready")).status()).toBe(200);
  await expectSamePage(page);
});
