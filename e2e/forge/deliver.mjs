#!/usr/bin/env node
// The two buttons on the page of a webhook. Both send once, also when the answer is a refusal, and print the outcome:
//   deliver.mjs REPO redeliver [UUID]   a body from the history again, as it was, under a new id; without a UUID the latest
//   deliver.mjs REPO test               the test delivery, to the webhook that was added last
import { resolve } from "node:path";

import { deliver, goJson, passes, readConfig, readDeliveries, testEvent } from "./gitea.mjs";

const [folder, button, uuid] = process.argv.slice(2);
const bare = resolve(folder ?? ".");
const config = readConfig(bare);
if (!config) fail(`${bare} has no webhooks`);

const outcome = await { redeliver, test }[button]?.();
if (!outcome) fail("usage: deliver.mjs REPO redeliver [UUID] | deliver.mjs REPO test");
console.log(JSON.stringify(outcome));

async function redeliver() {
  const sent = readDeliveries(bare).filter((delivery) => delivery.uuid);
  const chosen = uuid ? sent.find((delivery) => delivery.uuid === uuid) : sent.at(-1);
  if (!chosen) fail(uuid ? `there is no delivery ${uuid}` : "there is no delivery");
  // Signed with the secret that the webhook has now.
  const hook = config.hooks.find(({ url }) => url === chosen.url);
  if (!hook) fail(`the webhook to ${chosen.url} is gone`);
  return deliver(bare, config, hook, chosen.event, chosen.body);
}

async function test() {
  const [event, payload] = testEvent(bare, config);
  const hook = config.hooks.at(-1);
  if (!passes(hook.branch_filter, payload)) fail("the webhook's branch filter keeps the default branch out");
  return deliver(bare, config, hook, event, goJson(payload));
}

function fail(why) {
  console.error(why);
  process.exit(1);
}
