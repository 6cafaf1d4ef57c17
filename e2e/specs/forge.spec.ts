// The forge of these tests behaves as a real one: what else they prove about webhooks stands on this.
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { expect, test } from "@playwright/test";

import { type Delivery, Forge, type Webhook } from "../support/forge";
import { freePort } from "../support/ports";

/** A delivery that was recorded on a real Gitea 1.22. */
const RECORDED = join(__dirname, "..", "..", "src", "tests", "fixtures", "gitea", "push.json");
const SECRET = "topsecret";
const EVERYTHING: Partial<Webhook> = { events: ["push", "create", "delete"] };
const ZEROS = "0".repeat(40);

interface Received {
  /** In the order in which they came. */
  headers: [string, string][];
  body: string;
}

let forge: Forge;
let receiver: Server;
let url = "";
let received: Received[] = [];
/** What the receiver answers. */
let verdict = { status: 202, text: "" };

test.beforeAll(async () => {
  forge = await Forge.start();
  receiver = createServer(async (request, answer) => {
    let body = "";
    for await (const piece of request.setEncoding("utf8")) body += piece;
    const raw = request.rawHeaders;
    received.push({ headers: raw.flatMap((name, at) => (at % 2 === 0 ? [[name, raw[at + 1]] as [string, string]] : [])), body });
    answer.writeHead(verdict.status).end(verdict.text);
  }).listen(0, "127.0.0.1");
  await once(receiver, "listening");
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hooks/shop`;
});

test.beforeEach(() => {
  received = [];
  verdict = { status: 202, text: "queued" };
});

test.afterAll(async () => {
  await forge?.stop();
  receiver?.close();
});

test("a push is told as Gitea tells it: headers, signatures, fields and their order", async () => {
  await forge.push("exact", { "a.txt": "a" });
  await forge.connectWebhook("exact", url, SECRET, { root_url: "http://127.0.0.1:3300", owner: "ada", pusher: "ada" });
  const before = await forge.push("exact", { "a.txt": "aa" });
  const message = 'Add b, change a\n\nBody line 1\nüñí – "quotes" <tag> & ampersand';
  const after = await forge.push("exact", { "a.txt": "aaa", "api/ü b.txt": "b" }, { message });

  expect(received).toHaveLength(2);
  const [, { headers, body }] = received;
  const sha256 = createHmac("sha256", SECRET).update(body).digest("hex");
  const sha1 = createHmac("sha1", SECRET).update(body).digest("hex");
  const [{ uuid }] = (await forge.deliveries("exact")).slice(-1);
  expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(headers).toEqual([
    ["Host", new URL(url).host],
    ["User-Agent", "Go-http-client/1.1"],
    ["Content-Length", String(Buffer.byteLength(body))],
    ["Content-Type", "application/json"],
    ["X-GitHub-Delivery", uuid],
    ["X-GitHub-Event", "push"],
    ["X-GitHub-Event-Type", "push"],
    ["X-Gitea-Delivery", uuid],
    ["X-Gitea-Event", "push"],
    ["X-Gitea-Event-Type", "push"],
    ["X-Gitea-Signature", sha256],
    ["X-Gogs-Delivery", uuid],
    ["X-Gogs-Event", "push"],
    ["X-Gogs-Event-Type", "push"],
    ["X-Gogs-Signature", sha256],
    ["X-Hub-Signature", `sha1=${sha1}`],
    ["X-Hub-Signature-256", `sha256=${sha256}`],
    ["Accept-Encoding", "gzip"],
  ]);

  // As text, so that the order counts too.
  const recorded = JSON.parse(await readFile(RECORDED, "utf8")) as unknown;
  expect(JSON.stringify(shape(JSON.parse(body)), null, 1)).toBe(JSON.stringify(shape(recorded), null, 1));
  expect(body).toMatch(/^\{\n {2}"ref": "refs\/heads\/main",\n {2}"before": /);
  expect(body).toContain('üñí – \\"quotes\\" \\u003ctag\\u003e \\u0026 ampersand\\n"');
  const payload = JSON.parse(body);
  const compare_url = `http://127.0.0.1:3300/ada/exact/compare/${before}...${after}`;
  expect(payload).toMatchObject({ before, after, compare_url, total_commits: 1, head_commit: payload.commits[0] });
  const commit = { id: after, message: `${message}\n`, added: ["api/ü b.txt"], removed: [], modified: ["a.txt"], verification: null };
  expect(payload.commits).toMatchObject([commit]);
  expect(payload.repository).toMatchObject({ full_name: "ada/exact", default_branch: "main", ssh_url: forge.url("exact") });
});

test("what arrives for what", async () => {
  await forge.connectWebhook("events", url, SECRET, EVERYTHING);

  const first = await forge.push("events", { "a.txt": "1" });
  expect(told()).toEqual([
    ["create", "main", { sha: first, ref_type: "branch" }],
    ["push", "refs/heads/main", { before: ZEROS, after: first, commits: [first], total_commits: 1 }],
  ]);
  const many = [first];
  for (const content of ["2", "3"]) many.unshift(await forge.push("events", { "a.txt": content }));
  expect(told()).toEqual([
    ["push", "refs/heads/main", { before: first, after: many[1], commits: [many[1]], total_commits: 1 }],
    ["push", "refs/heads/main", { before: many[1], after: many[0], commits: [many[0]], total_commits: 1 }],
  ]);
  await forge.forcePush("events", first);
  expect(told()).toEqual([["push", "refs/heads/main", { before: many[0], after: first, commits: [], total_commits: 0 }]]);
  await forge.forcePush("events", many[0]);
  const together = { before: first, after: many[0], commits: many.slice(0, 2), total_commits: 2 };
  expect(told()).toEqual([["push", "refs/heads/main", together]]);

  await forge.forcePush("events", many[0], "release/größe-1.0");
  expect(told()).toEqual([
    ["create", "release/größe-1.0", { sha: many[0], ref_type: "branch" }],
    ["push", "refs/heads/release/größe-1.0", { before: ZEROS, after: many[0], commits: [], total_commits: 0 }],
  ]);
  await forge.deleteBranch("events", "release/größe-1.0");
  expect(told()).toEqual([["delete", "release/größe-1.0", { ref_type: "branch" }]]);

  const tag = await forge.pushTag("events", "v1", { message: "The first" });
  expect(tag, "an annotated tag is an object of its own").not.toBe(many[0]);
  const [{ body }] = received;
  expect(JSON.parse(body).head_commit.id).toBe(many[0]);
  expect(told()).toEqual([
    ["push", "refs/tags/v1", { before: ZEROS, after: tag, commits: [], total_commits: 0 }],
    ["create", "v1", { sha: tag, ref_type: "tag" }],
  ]);
});

test("of many commits the newest five are told", async () => {
  await forge.push("many", { "a.txt": "0" });
  const branch = "work";
  for (let n = 1; n <= 6; n++) await forge.push("many", { "a.txt": String(n) }, { branch });
  await forge.connectWebhook("many", url, SECRET);
  const tip = await forge.push("many", { "a.txt": "7" }, { branch });
  await forge.forcePush("many", tip);
  const { commits, total_commits, after } = JSON.parse(received[1].body);
  expect([commits.length, commits[0].id, total_commits, after]).toEqual([5, tip, 7, tip]);
});

test("a redelivery has a new id and the same body; a test delivery pushes the tip onto itself", async () => {
  await forge.connectWebhook("buttons", url, SECRET);
  const tip = await forge.push("buttons", { "a.txt": "a" });
  const [sent] = await forge.deliveries("buttons");
  const again = await forge.redeliver("buttons", sent.uuid);
  expect(again.uuid).not.toBe(sent.uuid);
  expect(again.headers["X-Gitea-Signature"]).toBe(sent.headers["X-Gitea-Signature"]);
  expect(received.map(({ body }) => body)).toEqual([sent.body, sent.body]);
  const probe = await forge.testDelivery("buttons");
  expect(JSON.parse(probe.body)).toMatchObject({ before: tip, after: tip, commits: [{ id: tip, added: null }] });
  expect((await forge.deliveries("buttons")).map(({ uuid }) => uuid)).toEqual([sent.uuid, again.uuid, probe.uuid]);
});

test("the history keeps what came of it, and a push succeeds whatever comes", async () => {
  verdict = { status: 401, text: "the signature does not match" };
  await forge.connectWebhook("history", url, SECRET);
  const after = await forge.push("history", { "a.txt": "a" });
  const gone = `http://127.0.0.1:${await freePort()}/`;
  await forge.connectWebhook("history", gone, SECRET);
  await forge.push("history", { "a.txt": "b" });
  const [refused, , unheard]: Delivery[] = await forge.deliveries("history");
  expect(refused).toMatchObject({ event: "push", ref: "refs/heads/main", after, url, status: 401, answer: verdict.text });
  expect(unheard.url).toBe(gone);
  expect(unheard.error).toContain("ECONNREFUSED");
  expect(unheard.status).toBeUndefined();
});

test("settings of a webhook: no secret, a form, a branch, Forgejo", async () => {
  await forge.connectWebhook("settings", `${url}?bare`, "");
  await forge.connectWebhook("settings", `${url}?form`, SECRET, { content_type: "form" });
  await forge.connectWebhook("settings", `${url}?filter`, SECRET, { branch_filter: "{main,other}", flavour: "forgejo" });
  await forge.push("settings", { "a.txt": "a" });
  await forge.push("settings", { "a.txt": "b" }, { branch: "elsewhere" });
  expect((await forge.deliveries("settings")).map((sent) => [new URL(sent.url).search, sent.ref])).toEqual([
    ["?bare", "refs/heads/main"],
    ["?form", "refs/heads/main"],
    ["?filter", "refs/heads/main"],
    ["?bare", "refs/heads/elsewhere"],
    ["?form", "refs/heads/elsewhere"],
  ]);
  const [bare, form, forgejo] = received.map(({ headers }) => Object.fromEntries(headers) as Record<string, string>);
  const signatures = [bare["X-Gitea-Signature"], bare["X-Gogs-Signature"], bare["X-Hub-Signature"], bare["X-Hub-Signature-256"]];
  expect(signatures).toEqual(["", "", "sha1=", "sha256="]);
  expect(form["Content-Type"]).toBe("application/x-www-form-urlencoded");
  expect(new URLSearchParams(received[1].body).get("payload"), "the signature is of what is in the form").toBe(received[2].body);
  expect(form["X-Gitea-Signature"]).toBe(forgejo["X-Gitea-Signature"]);
  expect(forgejo["X-Forgejo-Signature"]).toBe(forgejo["X-Gitea-Signature"]);
  expect(forgejo["X-Forgejo-Event"]).toBe("push");
});

/** Event, ref and what else counts of everything received since the last call. */
function told(): unknown[] {
  return received.splice(0).map(({ headers, body }) => {
    const { ref, sha, ref_type, before, after, commits, total_commits } = JSON.parse(body);
    const event = headers.find(([name]) => name === "X-Gitea-Event")![1];
    if (event === "create") return [event, ref, { sha, ref_type }];
    if (event === "delete") return [event, ref, { ref_type }];
    return [event, ref, { before, after, commits: (commits as { id: string }[]).map(({ id }) => id), total_commits }];
  });
}

/** The fields and types of a value, in order; of a list those of its first. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shape);
  if (value === null || typeof value !== "object") return value === null ? "null" : typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shape(inner)]));
}
