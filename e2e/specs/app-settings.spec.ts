// An app's settings, from what is typed to what its container has.
import type { Locator, Page } from "@playwright/test";

import { type App, connectWebhook, CONTAINER_PORT, createApp, runningApp, status } from "../support/app";
import { expectGoodLook } from "../support/axe";
import { inspect } from "../support/engine";
import { tabTo } from "../support/keyboard";
import { answer, freePort } from "../support/ports";
import { expect, installation, test } from "../support/signedIn";

const it = installation();

const SECRET = "postgres://shop:correct-horse@db/shop";

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with JavaScript" : "without JavaScript", () => {
    test.use({ javaScriptEnabled });
    const slug = javaScriptEnabled ? "scripted" : "plain";

    test("what is saved is pending until it is applied, and then the container has exactly that", async ({ page }) => {
      const app = await running(page, slug);
      const port = await freePort();
      await open(page, app);
      await expect(page.locator("#pending-title")).toHaveCount(0);

      await test.step("a variable, a file, a port, a volume, a limit, a health check", async () => {
        await page.locator("#env_name").fill("DATABASE_URL");
        await page.locator("#env_value").fill(SECRET);
        await press(page, "environment", "Add variable");
        await expectPending(page, 1);
        await unfold(page, "files");
        await page.locator("#file_path").fill("/www/settings.txt");
        await page.locator("#file_content").fill("kept as typed, \u00e4\n");
        await press(page, "files", "Add file");
        await expectPending(page, 2);
        await expect(page.locator("#files [name=file_new_content]"), "a content that nobody has seen is in no field").toHaveCount(0);
        if (javaScriptEnabled) {
          await page.getByRole("button", { name: "Add a port" }).click();
          await expect(page.locator("#port_2_container"), "one goes on typing in the new row").toBeFocused();
        }
        const row = javaScriptEnabled ? 2 : 1;
        await page.locator(`#port_${row}_container`).fill(String(CONTAINER_PORT));
        await page.locator(`#port_${row}_host`).fill(String(port));
        await press(page, "ports", "Save");
        await expectSaved(page, "ports", 3);
        await expect(page.locator("#port_1_host"), "rows move up").toHaveValue(String(port));
        await unfold(page, "volumes");
        await page.locator("#volume_0_source").fill(`${slug}-${it.server.instance}`);
        await page.locator("#volume_0_path").fill("/data");
        await page.locator("#volume_0_readonly").check();
        await press(page, "volumes", "Save");
        await expectSaved(page, "volumes", 4);
        await unfold(page, "resources");
        await page.locator("#resources_memory").fill("64m");
        await press(page, "resources", "Save");
        await expectSaved(page, "resources", 5);
        await unfold(page, "health");
        await page.getByLabel("HTTP request").check();
        await page.locator("#health_path").fill("/settings.txt");
        await page.locator("#health_interval").fill("1");
        await press(page, "health", "Save");
        // How it is asked, and how often.
        await expectSaved(page, "health", 7);
      });

      await test.step("nothing has happened to what runs", async () => {
        const { Config, HostConfig } = await inspect(it.server.instance, slug);
        expect(Config.Env.join()).not.toContain("DATABASE_URL");
        expect(HostConfig.Memory).toBe(0);
        await page.goto(app.url);
        await expect(page.locator("#app-state")).toContainText("7 changes are not applied yet.");
        await page.getByRole("link", { name: "7 changes are not applied yet." }).click();
        await expect(page).toHaveURL(`${app.url}/settings#pending-title`);
      });

      await test.step("the review names each change, and no secret", async () => {
        await page.getByText("Review", { exact: true }).click();
        const review = page.getByRole("table", { name: "Changes that are not applied yet" });
        await expect(review.getByRole("row")).toHaveCount(8);
        await expect(review.getByRole("row", { name: "Variable DATABASE_URL" })).toContainText("not set");
        await expect(review.getByRole("row", { name: "Memory" })).toContainText("64m");
        expect(await page.content()).not.toContain("correct-horse");
      });

      await test.step("applied, all of it is there", async () => {
        await page.locator("#pending").getByRole("button", { name: "Apply" }).click();
        await expect(page).toHaveURL(`${app.url}/deployments/2`);
        await expect(status(page)).toHaveText("Success");
        await expect(page.locator(".summary")).toContainText("config by admin");
        await expect(page.locator("#phases .phase"), "nothing is fetched or built").toHaveText([/queued/, /deployed/]);
        const { Config, HostConfig, Mounts } = await inspect(it.server.instance, slug);
        expect(Config.Env).toContain(`DATABASE_URL=${SECRET}`);
        expect(HostConfig.Memory).toBe(64 * 1024 * 1024);
        expect(HostConfig.PortBindings[`${CONTAINER_PORT}/tcp`].map((it) => Number(it.HostPort)).sort()).toEqual([app.port, port].sort());
        expect(Mounts.find((it) => it.Destination === "/data")).toMatchObject({ Type: "volume", Name: `${slug}-${it.server.instance}`, RW: false });
        expect(await answer(port)).toBe(slug);
        const file = await fetch(`http://127.0.0.1:${port}/settings.txt`);
        expect(await file.text()).toBe("kept as typed, \u00e4\n");
        await open(page, app);
        await expect(page.locator("#pending-title")).toHaveCount(0);
      });

      await test.step("what is taken away is gone", async () => {
        await page.getByLabel("Delete DATABASE_URL…").click();
        await press(page, "environment", "Delete variable");
        await expectPending(page, 1);
        await page.locator("#port_1_container").fill("");
        await page.locator("#port_1_host").fill("");
        await press(page, "ports", "Save");
        await expectSaved(page, "ports", 2);
        await page.locator("#pending").getByRole("button", { name: "Apply" }).click();
        await expect(page).toHaveURL(`${app.url}/deployments/3`);
        await expect(status(page)).toHaveText("Success");
        const { Config, HostConfig } = await inspect(it.server.instance, slug);
        expect(Config.Env.join()).not.toContain("DATABASE_URL");
        expect(HostConfig.PortBindings[`${CONTAINER_PORT}/tcp`]).toHaveLength(1);
      });
    });

    test("a pasted .env text is previewed, saved, revealed and hidden", async ({ page }) => {
      const app = await createApp(page, it.forge, { slug: `${slug}-variables` });
      await open(page, app);
      await page.getByText("Paste the text of a .env file").click();
      await page.locator("#env_text").fill("9LIVES=no\n");
      await press(page, "environment", "Preview");
      await expect(page.locator("#env_text-error")).toContainText("line 1", { ignoreCase: true });
      await expect(page.locator("#env_text")).toHaveValue("9LIVES=no\n");

      await page.locator("#env_text").fill("# of the shop\nMAIL_FROM=shop@example.org\nexport MAIL_NAME='The shop'\n");
      await press(page, "environment", "Preview");
      const preview = page.locator("#env-preview");
      await expect(preview).toContainText("MAIL_FROM, MAIL_NAME");
      await expect(page.locator("#env-MAIL_FROM"), "nothing is saved yet").toHaveCount(0);
      await press(page, "environment", "Save these 2 changes");
      await expect(page.locator("#env-MAIL_NAME")).toHaveCount(1);
      expect(await page.content()).not.toContain("shop@example.org");

      await page.getByRole("button", { name: "Reveal MAIL_FROM" }).click();
      await expect(page.locator("#env-MAIL_FROM-value")).toHaveText("shop@example.org");
      await expect(page.locator("#env-MAIL_NAME-value"), "only what was asked for").toHaveCount(0);
      await page.getByRole("button", { name: "Hide MAIL_FROM" }).click();
      await expect(page.locator("#env-MAIL_FROM-value")).toHaveCount(0);
      await page.getByRole("button", { name: "Reveal all" }).click();
      await expect(page.locator("#env-MAIL_NAME-value")).toHaveText("The shop");

      await page.getByLabel("Edit MAIL_NAME…").click();
      await expect(page.locator("#env_new_value-MAIL_NAME"), "a revealed value can be changed as it is").toHaveValue("The shop");
      await page.locator("#env_new_value-MAIL_NAME").fill("Another shop");
      await press(page, "environment", "Save value");
      await page.getByRole("button", { name: "Reveal MAIL_NAME" }).click();
      await expect(page.locator("#env-MAIL_NAME-value")).toHaveText("Another shop");
    });

    test("keys are made anew only when somebody says so twice", async ({ page }) => {
      const app = await createApp(page, it.forge, { slug: `${slug}-keys` });
      await open(page, app);
      const key = await page.locator("#keys-public-key").innerText();
      const made = page.getByRole("button", { name: "Make a new deploy key" });
      await expect(made).toBeHidden();
      await page.getByText("New deploy key…").click();
      await expect(page.locator("#keys-new-key")).toContainText("stops using the old key at once");
      await made.click();
      await expect(page.locator("#keys .form-saved")).toContainText("The deploy key is a new one");
      expect(await page.locator("#keys-public-key").innerText()).not.toBe(key);

      await page.getByText("New webhook secret…").click();
      await page.getByRole("button", { name: "Make a new secret" }).click();
      const secret = await page.locator("#keys-secret").innerText();
      expect(secret.length).toBeGreaterThanOrEqual(32);
      await open(page, app);
      expect(await page.content(), "it is shown once").not.toContain(secret);
    });

    test("what is wrong stands beside its field, keeps what was typed and has the focus once", async ({ page }) => {
      const app = await createApp(page, it.forge, { slug: `${slug}-wrong` });
      await open(page, app);
      await unfold(page, "resources");
      await page.locator("#resources_cpus").fill("many");
      await page.locator("#resources_memory").fill("much");
      await page.locator("#resources_pids").fill("7");
      await press(page, "resources", "Save");
      await expect(page.locator("#resources_cpus-error")).toContainText("number of processors");
      await expect(page.locator("#resources_memory-error")).toContainText("512m");
      await expect(page.locator("#resources_cpus"), "the first one").toBeFocused();
      await expect(page.locator("#resources_cpus")).toBeInViewport();
      await expectValues(page, { resources_cpus: "many", resources_memory: "much", resources_pids: "7" });
      await expect(page.locator("#pending-title")).toHaveCount(0);

      await unfold(page, "volumes");
      await page.locator("#volume_0_source").fill("/");
      await page.locator("#volume_0_path").fill("/host");
      await press(page, "volumes", "Save");
      await expect(page.locator("#volume_0_confirmed-error")).toContainText("power over the whole machine");
      await expectValues(page, { volume_0_source: "/", volume_0_path: "/host" });
    });
  });
}

test("saving a section loses nothing that was typed in another, and leaves the page where it is", async ({ page }) => {
  const app = await running(page, "calm");
  await open(page, app);
  await unfold(page, "process");
  await page.locator("#process_command").fill("typed and not saved");
  await page.locator("#env_value").fill("a value for later");
  await unfold(page, "restart");
  await page.getByLabel("On failure").check();
  const save = page.locator("#restart").getByRole("button", { name: "Save" });
  await save.scrollIntoViewIfNeeded();
  await save.click();
  await expectSaved(page, "restart", 1);
  await expect(page.locator("#restart .form-saved")).toBeFocused();
  await expect(page.locator("#restart .form-saved")).toBeInViewport();
  await unfold(page, "resources");
  await page.locator("#resources_memory").fill("much");
  await press(page, "resources", "Save");
  await expect(page.locator("#resources_memory-error")).toBeVisible();
  await expectValues(page, { process_command: "typed and not saved", env_value: "a value for later", resources_memory: "much" });

  await open(page, app);
  await page.getByText("Review", { exact: true }).click();
  await page.locator("#restart_cap").fill("3");
  await save.scrollIntoViewIfNeeded();
  const before = await save.boundingBox();
  await save.click();
  await expectSaved(page, "restart", 2);
  await expect(page.locator("#pending-review"), "the review stays open").toHaveAttribute("open");
  expect((await save.boundingBox())!.y, "the page stands still").toBeCloseTo(before!.y, -1);

  await page.locator("#restart .form-saved").getByRole("link").click();
  await expect(page.locator("#pending-title")).toBeInViewport();
});

test("a limit is set with the keyboard alone", async ({ page }) => {
  const app = await running(page, "keys");
  await open(page, app);
  await page.locator("#resources").evaluate((section) => section.scrollIntoView());
  await page.locator("#restart summary").focus();
  await tabTo(page, page.locator("#resources summary"));
  await page.keyboard.press("Enter");
  await tabTo(page, page.locator("#resources_memory"));
  await page.keyboard.type("lots");
  await page.keyboard.press("Enter");
  await expect(page.locator("#resources_memory-error")).toBeVisible();
  await expect(page.locator("#resources_memory")).toBeFocused();
  await page.keyboard.press("Control+A");
  await page.keyboard.type("128m");
  await tabTo(page, page.locator("#resources").getByRole("button", { name: "Save" }));
  await page.keyboard.press("Enter");
  await expectSaved(page, "resources", 1);
  await page.keyboard.press("Tab");
  await expect(page.locator("#resources .form-saved a"), "the way to apply it comes next").toBeFocused();
  await page.keyboard.press("Enter");
  await tabTo(page, page.locator("#pending").getByRole("button", { name: "Apply" }));
  await page.keyboard.press("Enter");
  await expect(status(page)).toHaveText("Success");
  expect((await inspect(it.server.instance, "keys")).HostConfig.Memory).toBe(128 * 1024 * 1024);
});

test("a push that changes nothing that is watched is skipped, and says so", async ({ page }) => {
  const app = await running(page, "watched");
  await connectWebhook(page, it.forge, app);
  await open(page, app);
  await unfold(page, "deploys");
  await page.getByLabel("Watched paths").fill("*.html");
  await press(page, "deploys", "Save");
  await expectSaved(page, "deploys", 0);
  await it.forge.push("watched", { "notes/todo.txt": "nothing to see" }, { message: "Note something" });
  await page.goto(`${app.url}/deployments/2`);
  await expect(status(page)).toHaveText("Skipped");
  await expectGoodLook(page, "deployment-skipped");
  await it.forge.push("watched", { "index.html": "something to see" }, { message: "Show something" });
  await page.goto(`${app.url}/deployments/3`);
  await expect(status(page)).toHaveText("Success");
  expect(await answer(app.port)).toBe("something to see");
});

test("the page is accessible and fits: with nothing set, with everything set, with errors", async ({ page }) => {
  const app = await running(page, "looks");
  await open(page, app);
  await expectGoodLook(page, "app-settings-unset");

  const post = async (section: string, form: Record<string, string>) => {
    const reply = await page.request.post(`${app.url}/settings/${section}`, { form, maxRedirects: 0 });
    expect(reply.status(), `${section}: ${await reply.text()}`).toBe(303);
  };
  await post("environment/addition", { env_name: "DATABASE_URL", env_value: SECRET });
  await post("environment/addition", { env_name: "A_RATHER_LONG_NAME_OF_A_VARIABLE_THAT_SOME_FRAMEWORKS_HAVE", env_value: "x".repeat(200) });
  await post("files/addition", { file_path: "/etc/shop/certificates/a-long-folder-name/server-certificate.pem", file_content: "b".repeat(3000) });
  await post("labels", { labels_text: "traefik.enable=true\ntraefik.http.routers.shop.rule=Host(`shop.example.org`)" });
  const socket = "/var/run/docker.sock";
  const named = { volume_0_source: "pgdata", volume_0_path: "/var/lib/postgresql", volume_0_readonly: "yes" };
  await post("volumes", { ...named, volume_1_source: socket, volume_1_path: socket, volume_1_confirmed: socket });
  const held = { port_0_container: "8000", port_0_address: "127.0.0.1", port_0_host: String(app.port) };
  await post("ports", { ...held, port_1_container: "9000", port_1_protocol: "udp", port_1_address: "0.0.0.0", port_1_host: "auto" });
  await post("resources", { resources_cpus: "0.5", resources_memory: "128m", resources_pids: "100", resources_shm: "32m" });
  await post("process", {
    process_command: "sh -c 'httpd -f -p 8000 -h /www'",
    process_user: "0:0",
    process_init: "yes",
    process_extra_hosts: "db:10.0.0.5\nhost.docker.internal:host-gateway",
    process_dropped: "NET_RAW",
    process_stop_signal: "SIGTERM",
    process_stop_grace: "10",
  });
  await post("restart", { restart_policy: "on-failure", restart_cap: "5" });
  const timing = { health_interval: "5", health_timeout: "2", health_retries: "3", health_start_period: "0" };
  await post("health", { health_probe: "http", health_path: "/", health_port: "8000", health_status: "200", ...timing });
  const limits = { build_time_limit: "30", build_context_limit: "500" };
  await post("build", { dockerfile_path: "Dockerfile", context_path: ".", build_args: "EDITION=full", build_pull: "yes", ...limits });
  await post("deploys", { watch_paths: "src/**\n*.html", newer_push_cancels: "yes" });
  await post("general", { general_name: "The shop", general_public_url: "https://shop.example.org" });
  await open(page, app);
  await page.getByText("Review", { exact: true }).click();
  await page.getByRole("button", { name: "Reveal all" }).click();
  await expect(page.locator("#env-DATABASE_URL-value")).toBeVisible();
  await expect(page.locator("#pending-review")).toHaveAttribute("open");
  await expectGoodLook(page, "app-settings-everything");
  await page.goto(app.url);
  await expectGoodLook(page, "app-pending");

  await open(page, app);
  await page.locator("#resources_cpus").fill("many");
  await page.locator("#resources_memory").fill("much");
  await press(page, "resources", "Save");
  await expect(page.locator("#resources_memory-error")).toBeVisible();
  await page.locator("#port_2_container").fill("99999");
  await page.locator("#port_2_address").fill("everywhere");
  await press(page, "ports", "Save");
  await expect(page.locator("#port_2_container-error")).toBeVisible();
  await page.locator("#volume_2_source").fill("/");
  await page.locator("#volume_2_path").fill("/host");
  await press(page, "volumes", "Save");
  await expect(page.locator("#volume_2_confirmed-error")).toBeVisible();
  await page.locator("#env_name").fill("9 lives");
  await press(page, "environment", "Add variable");
  await expect(page.locator("#env_name-error")).toBeVisible();
  await page.getByText("New deploy key…").click();
  await expectGoodLook(page, "app-settings-wrong");

  // Nobody listens there, so the login is kept without having been tried.
  const login = { registry_host: "127.0.0.1:9", registry_username: "shop-bot", registry_password: "secret" };
  expect((await page.request.post("/settings/registries", { form: login, maxRedirects: 0 })).status()).toBe(200);
  await page.goto("/settings");
  await page.locator("#registries").getByText("Remove…").click();
  await expectGoodLook(page, "settings-registries");
});

/** An app that runs, and serves its slug. */
async function running(page: Page, slug: string): Promise<App> {
  await it.forge.commit(slug, "hello", { message: "Work", files: { "index.html": slug } });
  return runningApp(page, it.forge, { slug });
}

async function open(page: Page, app: App): Promise<void> {
  await page.goto(`${app.url}/settings`);
}

/** Opens the form of a section in which nothing is set. */
async function unfold(page: Page, section: string): Promise<void> {
  await page.locator(`#${section} .fold > summary`).click();
}

async function press(page: Page, section: string, button: string): Promise<void> {
  await visible(page.locator(`#${section}`).getByRole("button", { name: button, exact: true })).click();
}

/** Of several buttons with one name the one that a person sees. */
function visible(button: Locator): Locator {
  return button.filter({ visible: true });
}

async function expectPending(page: Page, changes: number): Promise<void> {
  const title = page.locator("#pending-title");
  if (changes === 0) await expect(title).toHaveCount(0);
  else await expect(title).toHaveText(changes === 1 ? "1 change is not applied yet" : `${changes} changes are not applied yet`);
}

/** The section says that it was saved, beside its button, and what is pending now. */
async function expectSaved(page: Page, section: string, pending: number): Promise<void> {
  const saved = page.locator(`#${section} .form-saved`);
  await expect(saved).toContainText("Saved.");
  await expectPending(page, pending);
  if (pending > 0) await expect(saved).toContainText(await page.locator("#pending-title").innerText());
}

async function expectValues(page: Page, values: Record<string, string>): Promise<void> {
  for (const [field, value] of Object.entries(values)) await expect(page.locator(`#${field}`), field).toHaveValue(value);
}
