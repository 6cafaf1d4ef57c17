// What Gitea does when somebody has pushed: makes a payload for each event, signs it, sends it to each webhook that wants it, and keeps
// the outcome. Payloads, headers and their order are those of Gitea 1.22; with `"flavour": "forgejo"` those of Forgejo.
//
// A bare repository's `webhooks.json` says who listens; without it nothing is sent:
//   { "flavour": "gitea", "root_url": "http://git.example.org", "owner": "dev", "repo": "shop", "pusher": "dev",
//     "ssh_url": "what it would not be by root_url",
//     "hooks": [{ "url": "…", "secret": "…", "branch_filter": "*", "content_type": "json", "events": ["push"] }] }
// Its `deliveries.jsonl` is the history, one delivery per line, oldest first.
import { execFileSync } from "node:child_process";
import { createHash, createHmac, randomUUID } from "node:crypto";
import { appendFileSync, readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { join } from "node:path";
import { constants, gunzipSync } from "node:zlib";

/** Gitea's DELIVER_TIMEOUT: from the first packet to the last byte of the answer. */
const DEADLINE_MS = 5_000;
/** Gitea's FEED_MAX_COMMIT_NUM: how many commits a payload tells of. */
const MOST_COMMITS = 5;
/** How far Gitea looks back on a new branch. */
const MOST_COMMITS_OF_A_NEW_BRANCH = 10;
const LONGEST_ANSWER = 1024 * 1024;
const LONGEST_LOG = 256 * 1024 * 1024;
const CREATED = "2025-03-01T12:00:00Z";
const NEVER = "0001-01-01T00:00:00Z";

/** What is sent for a ref that went from `before` to `after`: pairs of an event and its payload, in Gitea's order. */
export function eventsOf(bare, config, before, after, ref) {
  const [, kind, name] = /^refs\/(heads|tags)\/(.+)$/s.exec(ref) ?? [];
  if (!kind) return [];
  const branch = kind === "heads";
  // The short name, except in Forgejo's own kind of webhook.
  const about = { ref: config.flavour === "forgejo" ? ref : name, ref_type: branch ? "branch" : "tag" };
  const remove = () => ["delete", { ...about, pusher_type: "user", ...circumstances(bare, config) }];
  const create = () => ["create", { sha: after, ...about, ...circumstances(bare, config, { powerless: true, shy: true }) }];
  if (branch) {
    if (isZero(after)) return [remove()];
    return isZero(before) ? [create(), newBranch(bare, config, before, after, ref, name)] : [update(bare, config, before, after, ref)];
  }
  if (isZero(after)) return [push(bare, config, { ref, before, after, commits: [], total: 0, head: null }), remove()];
  // A moved tag looks like a new one.
  const compared = { from: zeros(after), to: after };
  const pushed = push(bare, config, { ref, before: zeros(after), after, compared, commits: [], total: 0, head: tip(bare, after) });
  return [pushed, create()];
}

/** What the button “Test delivery” sends, up to Gitea 1.23: the default branch's tip, as if it had been pushed onto itself. */
export function testEvent(bare, config) {
  const branch = defaultBranch(bare);
  const head = tip(bare, `refs/heads/${branch}`);
  const nobody = ({ name, email }) => ({ name, email, username: "" });
  const files = { added: null, removed: null, modified: null };
  const told = { ...head, author: nobody(head.author), committer: nobody(head.committer), timestamp: NEVER, ...files };
  const compared = { from: head.id, to: head.id };
  const names = { ref: `refs/heads/${branch}`, before: head.id, after: head.id };
  return push(bare, config, { ...names, compared, commits: [told], total: 1, head: told }, { powerless: true, shy: true });
}

/** Sends an event to every webhook that wants it, one after the other. */
export async function tell(bare, config, [event, payload]) {
  for (const hook of config.hooks) {
    if (!(hook.events ?? ["push"]).includes(event) || !passes(hook.branch_filter, payload)) continue;
    await deliver(bare, config, hook, event, goJson(payload));
  }
}

/** Sends a payload, which is text already, under a new id, once, and writes the outcome into the history. */
export async function deliver(bare, config, hook, event, body) {
  const uuid = randomUUID();
  const form = hook.content_type === "form";
  const sent = Buffer.from(form ? `payload=${queryEscape(body)}` : body);
  const headers = headersOf(config, hook, event, uuid, body, sent.length);
  const outcome = await post(hook.url, headers, sent);
  const { ref, after, sha } = JSON.parse(body);
  // The body in the history is what was signed, also when a form was sent.
  const delivery = { uuid, event, ref, after: after ?? sha, url: hook.url, ...outcome, body, headers };
  record(bare, delivery);
  return delivery;
}

export function readConfig(bare) {
  try {
    return JSON.parse(readFileSync(join(bare, "webhooks.json"), "utf8"));
  } catch (err) {
    if (err.code === "ENOENT") return undefined;
    throw err;
  }
}

/** The history, oldest first. */
export function readDeliveries(bare) {
  return readFileSync(join(bare, "deliveries.jsonl"), "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
}

export function record(bare, delivery) {
  appendFileSync(join(bare, "deliveries.jsonl"), `${JSON.stringify(delivery)}\n`);
}

// Payloads.

function newBranch(bare, config, before, after, ref, name) {
  // Only what no other branch has.
  const limit = `--max-count=${MOST_COMMITS_OF_A_NEW_BRANCH}`;
  const commits = log(bare, limit, after, "--not", `--exclude=${name}`, "--branches");
  const from = commits.at(-1)?.parent ?? (name === defaultBranch(bare) ? undefined : defaultBranch(bare));
  const compared = from && { from, to: after };
  return push(bare, config, { ref, before, after, compared, commits, total: commits.length, head: commits[0] ?? tip(bare, after) });
}

function update(bare, config, before, after, ref) {
  const commits = log(bare, `${before}..${after}`);
  const compared = { from: before, to: after };
  return push(bare, config, { ref, before, after, compared, commits, total: commits.length, head: commits[0] ?? tip(bare, after) });
}

function push(bare, config, { ref, before, after, compared, commits, total, head }, manner) {
  const whole = (person) => ({ ...person, username: person.username ?? usernameOf(config, person) });
  const told = ({ id, message, author, committer, timestamp, added, removed, modified }) => ({
    id,
    message,
    url: `${home(config)}/commit/${id}`,
    author: whole(author),
    committer: whole(committer),
    verification: null,
    timestamp,
    added,
    removed,
    modified,
  });
  const payload = {
    ref,
    before,
    after,
    compare_url: compared ? `${home(config)}/compare/${compared.from}...${compared.to}` : root(config),
    commits: commits.slice(0, MOST_COMMITS).map(told),
    total_commits: total,
    head_commit: head && told(head),
  };
  const { repository, sender } = circumstances(bare, config, manner);
  return ["push", { ...payload, repository, pusher: sender, sender }];
}

/**
 * Where it happened and who did it. Some events show the repository without permissions (`powerless`) and its owner without a real
 * address (`shy`).
 */
function circumstances(bare, config, { powerless = false, shy = false } = {}) {
  const { owner, repo, pusher } = config;
  const noReply = `noreply.${hostOf(config)}`;
  const api = `${root(config)}api/v1/repos/${owner}/${repo}`;
  const repository = {
    id: number(`${owner}/${repo}`),
    owner: user(config, owner, shy ? noReply : "example.org"),
    name: repo,
    full_name: `${owner}/${repo}`,
    description: "",
    empty: false,
    private: true,
    fork: false,
    template: false,
    parent: null,
    mirror: false,
    size: 28,
    language: "",
    languages_url: `${api}/languages`,
    html_url: home(config),
    url: api,
    link: "",
    ssh_url: config.ssh_url ?? `git@${hostOf(config)}:${owner}/${repo}.git`,
    clone_url: `${home(config)}.git`,
    original_url: "",
    website: "",
    stars_count: 0,
    forks_count: 0,
    watchers_count: 1,
    open_issues_count: 0,
    open_pr_counter: 0,
    release_counter: 0,
    default_branch: defaultBranch(bare),
    archived: false,
    created_at: CREATED,
    updated_at: `${new Date().toISOString().slice(0, 19)}Z`,
    archived_at: "1970-01-01T00:00:00Z",
    permissions: { admin: !powerless, push: !powerless, pull: !powerless },
    has_issues: true,
    internal_tracker: { enable_time_tracker: true, allow_only_contributors_to_track_time: true, enable_issue_dependencies: true },
    has_wiki: true,
    has_pull_requests: true,
    has_projects: true,
    has_releases: true,
    has_packages: false,
    has_actions: false,
    ignore_whitespace_conflicts: false,
    allow_merge_commits: true,
    allow_rebase: true,
    allow_rebase_explicit: true,
    allow_squash_merge: true,
    allow_rebase_update: true,
    default_delete_branch_after_merge: false,
    default_merge_style: "merge",
    default_allow_maintainer_edit: false,
    avatar_url: "",
    internal: false,
    mirror_interval: "",
    mirror_updated: NEVER,
    repo_transfer: null,
  };
  return { repository, sender: user(config, pusher, noReply) };
}

function user(config, name, mailHost) {
  return {
    id: number(name),
    login: name,
    login_name: "",
    full_name: "",
    email: `${name}@${mailHost}`,
    avatar_url: `${root(config)}avatars/${md5(name).toString("hex")}`,
    language: "",
    is_admin: false,
    last_login: NEVER,
    created: CREATED,
    restricted: false,
    active: false,
    prohibit_login: false,
    location: "",
    website: "",
    description: "",
    visibility: "public",
    followers_count: 0,
    following_count: 0,
    starred_repos_count: 0,
    username: name,
  };
}

/** Gitea knows a commit's author by the address; here the forge's users have their names in theirs. */
function usernameOf({ owner, pusher }, { email }) {
  const name = email.split("@")[0];
  return name === owner || name === pusher ? name : "";
}

function root({ root_url }) {
  return root_url.endsWith("/") ? root_url : `${root_url}/`;
}

function home(config) {
  return `${root(config)}${config.owner}/${config.repo}`;
}

function hostOf(config) {
  return new URL(config.root_url).hostname;
}

function md5(text) {
  return createHash("md5").update(text).digest();
}

/** An id that stays the same and differs from others'. */
function number(text) {
  return md5(text).readUIntBE(0, 3);
}

function isZero(id) {
  return /^0+$/.test(id);
}

function zeros(id) {
  return "0".repeat(id.length);
}

// git.

function defaultBranch(bare) {
  return readFileSync(join(bare, "HEAD"), "utf8").trim().replace("ref: refs/heads/", "");
}

/** The commit that an id or a ref leads to, through a tag if need be. */
function tip(bare, revision) {
  return log(bare, "--max-count=1", revision)[0];
}

/** Commits, newest first, with the files that differ from their first parent's. */
function log(bare, ...which) {
  // Nothing in a message or a file's name can look like the beginning of a commit.
  const mark = randomUUID();
  const format = `--format=${mark}${["%H", "%P", "%an", "%ae", "%cn", "%ce", "%aI", "%B"].join("%x00")}%x00`;
  const told = ["-z", "--root", "--diff-merges=first-parent", "--no-renames", "--name-status", format];
  const env = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
  const printed = execFileSync("git", ["--git-dir", bare, "log", ...told, ...which, "--"], { env, encoding: "utf8", maxBuffer: LONGEST_LOG });
  return printed.split(mark).slice(1).map(parseCommit);
}

function parseCommit(text) {
  const [id, parents, name, email, committerName, committerEmail, date, message, ...rest] = text.split("\0");
  const files = { A: [], D: [], M: [] };
  const names = rest.filter((piece) => piece !== "");
  // The first letter stands on a line of its own. Gitea, too, says nothing of a changed type.
  for (let at = 0; at + 1 < names.length; at += 2) files[names[at].trim()]?.push(names[at + 1]);
  return {
    id,
    parent: parents.split(" ")[0] || undefined,
    message,
    author: { name, email },
    committer: { name: committerName, email: committerEmail },
    timestamp: date.replace(/[+-]00:00$/, "Z"),
    added: files.A,
    removed: files.D,
    modified: files.M,
  };
}

// Requests.

/** Everything (`*`, or nothing said), one branch, or `{one,another}`. Tags pass, as up to Gitea 1.24. */
export function passes(filter, { ref, ref_type }) {
  const isTag = ref_type === "tag" || ref.startsWith("refs/tags/");
  if (!filter || filter === "*" || isTag) return true;
  return filter.replace(/^\{(.*)\}$/, "$1").split(",").includes(ref.replace(/^refs\/heads\//, ""));
}

/** In the order in which Go sends them. */
function headersOf({ flavour }, { url, secret, content_type }, event, uuid, body, length) {
  const hmac = (algorithm) => (secret ? createHmac(algorithm, secret).update(body).digest("hex") : "");
  const signature = hmac("sha256");
  const type = content_type === "form" ? "application/x-www-form-urlencoded" : "application/json";
  const family = (name) => ({ [`X-${name}-Delivery`]: uuid, [`X-${name}-Event`]: event, [`X-${name}-Event-Type`]: event });
  return {
    Host: new URL(url).host,
    "User-Agent": "Go-http-client/1.1",
    "Content-Length": String(length),
    "Content-Type": type,
    ...(flavour === "forgejo" && { ...family("Forgejo"), "X-Forgejo-Signature": signature }),
    ...family("GitHub"),
    ...family("Gitea"),
    "X-Gitea-Signature": signature,
    ...family("Gogs"),
    "X-Gogs-Signature": signature,
    "X-Hub-Signature": `sha1=${hmac("sha1")}`,
    "X-Hub-Signature-256": `sha256=${signature}`,
    "Accept-Encoding": "gzip",
  };
}

/** What came of it: a status and what was answered, or an error. Redirects are not followed. */
function post(url, headers, body) {
  return new Promise((resolve) => {
    const { request } = url.startsWith("https:") ? https : http;
    const fail = (err) => {
      const late = err.name === "AbortError" || err.name === "TimeoutError";
      resolve({ error: late ? `no answer within ${DEADLINE_MS} ms` : err.message || err.code });
    };
    // Of its own connection, so that nothing keeps this process alive afterwards.
    const options = { method: "POST", headers, agent: false, signal: AbortSignal.timeout(DEADLINE_MS) };
    const call = request(url, options, (answer) => {
      const pieces = [];
      let length = 0;
      const end = () => resolve({ status: answer.statusCode, answer: textOf(answer, Buffer.concat(pieces)) });
      answer.on("data", (piece) => {
        pieces.push(piece);
        length += piece.length;
        if (length >= LONGEST_ANSWER) {
          end();
          answer.destroy();
        }
      });
      answer.on("end", end);
      answer.on("error", fail);
    });
    // Go does not send one.
    call.removeHeader("Connection");
    call.on("error", fail);
    call.end(body);
  });
}

function textOf(answer, bytes) {
  // What was cut off is still worth reading.
  const unzipped = () => gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
  return (answer.headers["content-encoding"] === "gzip" ? unzipped() : bytes).toString();
}

/** JSON as Go writes it: indented, and safe inside of HTML. */
export function goJson(value) {
  const escape = (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(value, null, 2).replace(/[<>&\u2028\u2029]/g, escape);
}

/** Go's url.QueryEscape. */
function queryEscape(text) {
  const hex = (found) => `%${found.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text).replace(/[!'()*]/g, hex).replaceAll("%20", "+");
}
