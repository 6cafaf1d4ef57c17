// Playwright's `test`, which also fails on anything the browser complains about: an error in the console, an uncaught exception, something
// that the content security policy has blocked.
import { type BrowserContext, expect, test as base } from "@playwright/test";

/** A page's stream of news. */
const STREAM = /\/events(\?|$)/;

/**
 * Collects what the browser complains about in any page of the context. Where the test itself breaks the streams, by ending the server, the
 * network or the session, that they cannot be had is no complaint.
 */
export async function watch(context: BrowserContext, { breaksStreams = false } = {}): Promise<string[]> {
  const complaints: string[] = [];
  const refused = new Set<string>();
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`blocked by the content security policy: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  context.on("response", (response) => {
    // A wrong form and a missing page are answered with 4xx; the browser calls that an error of its own.
    const [status, request] = [response.status(), response.request()];
    const sentByForm = request.isNavigationRequest() || (request.method() === "POST" && "hx-request" in request.headers());
    if (status >= 400 && status < 500 && sentByForm) refused.add(withoutFragment(response.url()));
  });
  context.on("console", (message) => {
    if (message.type() !== "error") return;
    const { url } = message.location();
    const unloaded = message.text().startsWith("Failed to load resource");
    const broken = breaksStreams && ((unloaded && STREAM.test(url)) || message.text().startsWith("htmx: htmx:sse:error: "));
    if (!broken && !(unloaded && refused.has(withoutFragment(url)))) complaints.push(`${message.text()} (${url})`);
  });
  context.on("weberror", (error) => complaints.push(String(error.error().stack ?? error.error())));
  return complaints;
}

function withoutFragment(url: string): string {
  return url.split("#")[0];
}

export const test = base.extend<{ breaksStreams: boolean }>({
  breaksStreams: [false, { option: true }],
  context: async ({ context, breaksStreams }, use) => {
    const complaints = await watch(context, { breaksStreams });
    await use(context);
    expect(complaints, "the browser complained").toEqual([]);
  },
});

export { expect };
