#!/usr/bin/env node
// The hook of a forge's bare repository: tells its webhooks what was pushed, in order, before the push returns. Whatever happens here, the
// push has happened already.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

import { eventsOf, readConfig, record, tell } from "./gitea.mjs";

const bare = resolve(process.env.GIT_DIR ?? ".");
try {
  const config = readConfig(bare);
  const lines = config ? readFileSync(0, "utf8").split("\n").filter(Boolean) : [];
  for (const line of lines) {
    const [before, after, ...ref] = line.split(" ");
    for (const event of eventsOf(bare, config, before, after, ref.join(" "))) await tell(bare, config, event);
  }
} catch (err) {
  console.error(err);
  record(bare, { error: String(err) });
}
// A name that is still being looked up must not hold the push.
process.exit(0);
