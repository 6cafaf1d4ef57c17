// Takes the pictures of docs/: a deployment while it builds, and the list with an app that runs, one that builds and one that failed.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { connectWebhook, deploy, runningApp, status } from "../support/app";
import { script } from "../support/journal";
import { expect, installation, test } from "../support/signedIn";

const it = installation();

const DOCS = join(__dirname, "..", "..", "docs");

test.use({ viewport: { width: 1200, height: 800 }, colorScheme: "light" });

// The words are a real npm's; there is none in a repository of these tests, and no registry either.
const NPM = String.raw`#!/bin/sh
say() { printf "$1\n"; sleep "$2"; }
case $1 in
ci)
  say '\033[1;33mnpm warn\033[0m \033[35mdeprecated\033[0m inflight@1.0.6: This module is not supported, and leaks memory.' 0.2
  say '\033[1;33mnpm warn\033[0m \033[35mdeprecated\033[0m glob@7.2.3: Glob versions prior to v9 are no longer supported' 0.3
  say '' 0
  say 'added 212 packages, and audited 213 packages in 2s' 0.1
  say '' 0
  say '38 packages are looking for funding' 0
  say '  run \033[1mnpm fund\033[0m for details' 0
  say '' 0
  say 'found \033[1;32m0\033[0m vulnerabilities' 0.2
  ;;
run)
  say '' 0
  say '> shop-api@2.4.0 build' 0
  say '> tsc --noEmit && vite build --ssr' 0
  say '' 0.6
  say '\033[36mvite v7.1.2 \033[32mbuilding SSR bundle for production...\033[0m' 0.3
  say 'transforming...' 0.6
  say '\033[32m✓\033[0m 148 modules transformed.' 0.2
  say 'rendering chunks...' 0.2
  for chunk in \
    'dist/server.js          \033[33m 96.41 kB' 'dist/routes/cart.js     \033[33m 18.02 kB' 'dist/routes/orders.js   \033[33m 24.77 kB' \
    'dist/routes/search.js   \033[33m 11.35 kB' 'dist/payment.js         \033[33m 31.90 kB' 'dist/migrations.js      \033[33m  7.12 kB'; do
    say "\033[2m$chunk\033[0m" 0.1
  done
  say '\033[32m✓ built in 1.94s\033[0m' 0.1
  ;;
test)
  say '' 0
  say '> shop-api@2.4.0 test' 0
  say '> vitest run' 0
  say '' 0.3
  say ' \033[1;7;36m RUN \033[0m \033[36mv3.2.4 \033[90m/app\033[0m' 0.4
  say '' 0
  for suite in 'cart.test.ts \033[2m(24 tests)\033[0m 118ms' 'orders.test.ts \033[2m(31 tests)\033[0m 204ms' 'money.test.ts \033[2m(19 tests)\033[0m 12ms' \
    'search.test.ts \033[2m(11 tests)\033[0m 87ms' 'session.test.ts \033[2m(16 tests)\033[0m 64ms'; do
    say " \033[32m✓\033[0m test/$suite" 0.5
  done
  say 'waiting for the payment sandbox…' 600
  ;;
esac
`;

/** The Dockerfile of an app whose build runs these npm commands. */
function dockerfile(commands: string[]): string {
  return [
    "FROM scratch AS node",
    "COPY busybox /bin/busybox",
    "ENV PATH=/bin",
    'RUN ["/bin/busybox", "--install", "-s", "/bin"]',
    "COPY npm /bin/npm",
    "RUN chmod +x /bin/npm",
    "",
    "FROM node",
    "WORKDIR /app",
    "COPY . .",
    ...commands.map((command) => `RUN ${command}`),
    "COPY index.html /www/",
    'CMD ["sh", "-c", "trap exit TERM; httpd -f -p 8000 -h /www & wait"]',
    "",
  ].join("\n");
}

test("docs/apps.png, docs/deploying.png and docs/deploying-dark.png", async ({ page }) => {
  await mkdir(DOCS, { recursive: true });
  await it.forge.commit("blog", "hello", { message: "Write about the new search" });
  await runningApp(page, it.forge, { slug: "blog" });

  await it.forge.commit("mailer", "hello", { message: "Send receipts as plain text, too" });
  const mailer = await runningApp(page, it.forge, { slug: "mailer" });
  const npm = "#!/bin/sh\necho \"src/queue.ts(41,7): error TS2339: Property 'retryAfter' does not exist on type 'Job'.\"; exit 2\n";
  const broken = { npm, Dockerfile: dockerfile(["npm run build"]) };
  await it.forge.push("mailer", broken, { message: "Retry what the relay has refused" });
  await deploy(page, mailer);
  await expect(status(page)).toHaveText("Failed");

  await it.forge.commit("shop-api", "hello", { message: "Sum up the cart in cents" });
  const shop = await runningApp(page, it.forge, { slug: "shop-api" });
  await connectWebhook(page, it.forge, shop);
  const files = { npm: `${NPM}${script("")}`, Dockerfile: dockerfile(["npm ci", "npm run build", "npm test"]) };
  await it.forge.push("shop-api", files, { message: "Take the delivery date from the carrier" });

  await page.goto(`${shop.url}/deployments/2`);
  await expect(page.locator("#journal")).toContainText("waiting for the payment sandbox");
  await picture(page, "deploying");
  await page.emulateMedia({ colorScheme: "dark" });
  await picture(page, "deploying-dark");
  await page.emulateMedia({ colorScheme: "light" });

  await page.goto("/");
  await expect(page.getByRole("link", { name: "Building #2" })).toBeVisible();
  await expect(page.getByRole("link", { name: "See why #2 failed" })).toBeVisible();
  await page.setViewportSize({ width: 1200, height: 520 });
  await picture(page, "apps");

  await page.goto(`${shop.url}/deployments/2`);
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(status(page)).toHaveText("Cancelled");
});

async function picture(page: Page, name: string): Promise<void> {
  await page.mouse.move(0, 0);
  await page.screenshot({ path: join(DOCS, `${name}.png`) });
}
