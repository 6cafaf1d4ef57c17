// Playwright's `test`, which also fails on anything the browser complains about: an error in the console, an uncaught exception, something
// that the content security policy has blocked.
import { type BrowserContext, expect, test as base } from "@playwright/test";

/** Collects what the browser complains about in any page of the context. */
export async function watch(context: BrowserContext): Promise<string[]> {
  const complaints: string[] = [];
  const refused = new Set<string>();
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`blocked by the content security policy: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  context.on("response", (response) => {
    // A wrong form and a missing page are answered with 4xx; the browser calls that an error of its own.
    const status = response.status();
    if (status >= 400 && status < 500 && response.request().isNavigationRequest()) refused.add(response.url());
  });
  context.on("console", (message) => {
    if (message.type() !== "error") return;
    const deliberate = message.text().startsWith("Failed to load resource") && refused.has(message.location().url);
    if (!deliberate) complaints.push(`${message.text()} (${message.location().url})`);
  });
  context.on("weberror", (error) => complaints.push(String(error.error().stack ?? error.error())));
  return complaints;
}

export const test = base.extend({
  context: async ({ context }, use) => {
    const complaints = await watch(context);
    await use(context);
    expect(complaints, "the browser complained").toEqual([]);
  },
});

export { expect };
