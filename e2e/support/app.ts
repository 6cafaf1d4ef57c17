// What an operator does with an app, for specs that are about something else than these steps.
import { expect, type Locator, type Page } from "@playwright/test";

import type { Forge } from "./forge";
import { freePort } from "./ports";

/** The app's port inside its container: apps/hello listens on it. */
export const CONTAINER_PORT = 8000;

export interface App {
  slug: string;
  /** Where it is published on this machine. */
  port: number;
  url: string;
}

export interface NewApp {
  /** The repository is called the same unless said otherwise. */
  slug: string;
  repo?: string;
  branch?: string;
}

/** Creates an app on a fixed host port and leaves the page on it. */
export async function createApp(page: Page, forge: Forge, { slug, repo = slug, branch = "main" }: NewApp): Promise<App> {
  const port = await freePort();
  await page.goto("/apps/new");
  await page.getByLabel("Slug").fill(slug);
  await page.getByLabel("Repository URL").fill(forge.url(repo));
  await page.getByLabel("Branch").fill(branch);
  await page.getByLabel("Container port").fill(String(CONTAINER_PORT));
  await page.getByLabel("Host port").fill(String(port));
  await page.getByRole("button", { name: "Create app" }).click();
  await expect(page.getByRole("heading", { level: 1, name: slug })).toBeVisible();
  return { slug, port, url: `/apps/${slug}` };
}

/** Gives the forge the deploy key that the app's page shows. */
export async function authorise(page: Page, forge: Forge, repo: string): Promise<void> {
  await forge.addDeployKey(repo, await page.locator("#public-key").innerText());
}

/** Presses "Test connection" and, for a server that is new to this installation, confirms its key. */
export async function connect(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Test connection" }).click();
  const confirm = page.getByRole("button", { name: "Confirm this key" });
  await expect(confirm.or(checked(page))).toBeVisible();
  if (await confirm.isVisible()) await confirm.click();
  await expect(checked(page)).toHaveText("Works");
}

/** Creates an app whose repository the forge lets it read. */
export async function connectedApp(page: Page, forge: Forge, app: NewApp): Promise<App> {
  const made = await createApp(page, forge, app);
  await authorise(page, forge, app.repo ?? app.slug);
  await connect(page);
  return made;
}

/** Presses "Deploy now" on the app's page; ends on the page of the new deployment. */
export async function deploy(page: Page, app: App): Promise<void> {
  await page.goto(app.url);
  await page.getByRole("button", { name: "Deploy now" }).click();
  await expect(page).toHaveURL(/\/deployments\/\d+$/);
}

/** Creates an app, deploys what the repository has, and leaves the page on the app. */
export async function runningApp(page: Page, forge: Forge, app: NewApp): Promise<App> {
  const made = await connectedApp(page, forge, app);
  await deploy(page, made);
  await expect(status(page)).toHaveText("Success");
  await page.goto(made.url);
  return made;
}

export interface HookSettings {
  url: string;
  secret: string;
}

/** Presses "Reveal" on the app's page and reads what the forge has to be told. */
export async function revealWebhook(page: Page): Promise<HookSettings> {
  await page.getByRole("button", { name: "Reveal" }).click();
  return { url: await page.locator("#webhook-url").innerText(), secret: await page.locator("#webhook-secret").innerText() };
}

/** From now on the forge tells the app of pushes; leaves the page on the app. */
export async function connectWebhook(page: Page, forge: Forge, app: App): Promise<HookSettings> {
  await page.goto(app.url);
  const hook = await revealWebhook(page);
  await forge.connectWebhook(app.slug, hook.url, hook.secret);
  await page.goto(app.url);
  return hook;
}

/** Presses "Stop…" on the app's page, and "Stop" in what it opens. */
export async function stop(page: Page): Promise<void> {
  await page.getByText("Stop…").click();
  await page.getByRole("button", { name: "Stop", exact: true }).click();
}

/** The state of the app on its page. */
export function state(page: Page): Locator {
  return page.locator("#app-state .badge");
}

/** The last delivery on the app's page. */
export function lastDelivery(page: Page): Locator {
  return page.locator("#webhook .check");
}

/** The verdict of the last connection test. */
export function checked(page: Page): Locator {
  return page.locator("#connection .badge");
}

/** The status of the deployment on the page. */
export function status(page: Page): Locator {
  return page.locator(".summary .badge");
}
