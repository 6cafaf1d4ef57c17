// An installation for one spec file: the server, a git server beside it, and, unless the spec sets it up by hand, an account whose
// session every page starts with. Whatever happens in the tests, afterwards nothing of it is left.
import { writeFile } from "node:fs/promises";

import { expect, request, type BrowserContextOptions } from "@playwright/test";

import { removeAll } from "./engine";
import { Forge } from "./forge";
import { Server } from "./server";
import { test as base } from "./test";
import { Wire } from "./wire";

export const USERNAME = "admin";
export const PASSWORD = "correct horse battery staple";

export interface Installation {
  server: Server;
  forge: Forge;
  /** The way from the server to the engine, when the spec wants to break it. */
  engine?: Wire;
}

let session: BrowserContextOptions["storageState"];
let url = "";

/** `test`, with this file's installation as base URL and its session. */
export const test = base.extend({
  baseURL: async ({}, use) => use(url),
  storageState: async ({}, use) => use(session),
});
export { expect };

/** Starts an installation before the file's first test and removes it after the last. Call it once, at the top of a spec. */
export function installation({ account = true, engineOnWire = false } = {}): Installation {
  const it = {} as Installation;

  test.beforeAll(async () => {
    if (engineOnWire) it.engine = await Wire.toEngine();
    it.server = await Server.start({ engine: it.engine?.address });
    it.forge = await Forge.start();
    url = it.server.url;
    session = account ? await setUp(it.server) : undefined;
  });

  test.afterEach(async ({}, testInfo) => {
    if (testInfo.status === testInfo.expectedStatus) return;
    const path = testInfo.outputPath("upaas.log");
    await writeFile(path, it.server?.log ?? "");
    await testInfo.attach("µPaaS's log", { path, contentType: "text/plain" });
  });

  test.afterAll(async () => {
    const ends = [
      () => it.server?.stop(),
      () => it.server && removeAll(it.server.instance),
      () => it.forge?.stop(),
      () => it.engine?.remove(),
    ];
    const errors: unknown[] = [];
    for (const end of ends) {
      try {
        await end();
      } catch (err) {
        errors.push(err);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, errors.join("\n"));
  });

  return it;
}

/** Makes the account and returns its session. */
export async function setUp(server: Server): Promise<BrowserContextOptions["storageState"]> {
  const client = await request.newContext({ baseURL: server.url });
  try {
    const form = { setup_code: await server.setupCode(), username: USERNAME, password: PASSWORD, password_confirmation: PASSWORD };
    const answer = await client.post("/setup", { form, maxRedirects: 0 });
    expect(answer.status(), await answer.text()).toBe(303);
    return await client.storageState();
  } finally {
    await client.dispose();
  }
}
