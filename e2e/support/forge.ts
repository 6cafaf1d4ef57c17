// A git server: a real sshd on a loopback port, bare repositories, and deploy keys that may read one repository each. It stands in for
// Gitea as far as git and a webhook's receiver can tell: same refusals, same host keys, same deliveries (see ../forge/gitea.mjs).
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, copyFile, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

import { freePort } from "./ports";

const run = promisify(execFile);

const SSHD = "/usr/sbin/sshd";
const BUSYBOX = "/bin/busybox";
const APPS = join(__dirname, "..", "apps");
const POST_RECEIVE = join(__dirname, "..", "forge", "post-receive.mjs");
const DELIVER = join(__dirname, "..", "forge", "deliver.mjs");
const START_DEADLINE_MS = 60_000;

/** Nothing of this machine's git configuration. Hooks find this very node: git puts only its own programs before it. */
const GIT_ENVIRONMENT = {
  PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "Dev",
  GIT_AUTHOR_EMAIL: "dev@example.org",
  GIT_COMMITTER_NAME: "Dev",
  GIT_COMMITTER_EMAIL: "dev@example.org",
};

export interface Commit {
  /** The whole commit message. */
  message: string;
  /** Files that differ from the app folder's. */
  files?: Record<string, string>;
  branch?: string;
}

/** What changes on top of what is there. */
export interface Change {
  branch?: string;
  /** The whole commit message. */
  message?: string;
}

export interface Webhook {
  url: string;
  /** Without one, the signature headers are there and empty. */
  secret: string;
  /** `*`, a branch, or `{one,another}`. */
  branch_filter?: string;
  content_type?: "json" | "form";
  /** Only pushes unless said otherwise. */
  events?: ("push" | "create" | "delete")[];
}

/** What the forge says of itself and its users; it holds for all webhooks of a repository. */
export interface Identity {
  flavour?: "gitea" | "forgejo";
  root_url?: string;
  owner?: string;
  pusher?: string;
}

/** A line of a webhook's history. */
export interface Delivery {
  uuid: string;
  event: string;
  ref: string;
  /** What the ref points at now; a deleted branch has none. */
  after?: string;
  url: string;
  /** None when there was no answer: see `error`. */
  status?: number;
  answer?: string;
  error?: string;
  /** The payload, byte for byte as it was signed. */
  body: string;
  headers: Record<string, string>;
}

type WebhookSettings = Required<Identity> & { repo: string; ssh_url: string; hooks: Webhook[] };
type Git = (...args: string[]) => Promise<string>;

interface DeployKey {
  repo: string;
  publicKey: string;
}

export class Forge {
  private sshd: ChildProcess | undefined;
  private keys: DeployKey[] = [];

  private constructor(
    private readonly folder: string,
    readonly port: number,
  ) {}

  static async start(): Promise<Forge> {
    const folder = await mkdtemp(join(tmpdir(), "upaas-e2e-forge-"));
    const forge = new Forge(folder, await freePort());
    try {
      await forge.writeShim();
      await forge.writeKeys();
      await forge.newHostKey();
      await forge.listen();
    } catch (err) {
      await forge.stop();
      throw err;
    }
    return forge;
  }

  /** The address of a repository, as an operator types it. */
  url(repo: string): string {
    return `ssh://${userInfo().username}@127.0.0.1:${this.port}/${repo}.git`;
  }

  /** The host key's fingerprint as ssh-keygen prints it: `SHA256:…`. */
  async fingerprint(): Promise<string> {
    const { stdout } = await run("ssh-keygen", ["-lf", join(this.folder, "host_key.pub")]);
    return stdout.split(" ")[1];
  }

  /** Makes the repository's branch hold exactly an app folder's files, and pushes that as one commit. Returns the commit's id. */
  async commit(repo: string, app: string, { message, files = {}, branch = "main" }: Commit): Promise<string> {
    const git = await this.checkOut(repo, branch);
    await git("rm", "-r", "--quiet", "--ignore-unmatch", ".");
    await cp(join(APPS, app), this.work(repo), { recursive: true });
    await copyFile(BUSYBOX, join(this.work(repo), "busybox"));
    return this.pushFiles(git, repo, branch, message, files);
  }

  /** Changes files on top of what the branch holds, or, for a new branch, of what was pushed last. Returns the commit's id. */
  async push(repo: string, files: Record<string, string>, { branch = "main", message = "Change it" }: Change = {}): Promise<string> {
    return this.pushFiles(await this.checkOut(repo, branch), repo, branch, message, files);
  }

  /** Makes the branch end at an older commit, or at any other that was pushed before. */
  async forcePush(repo: string, commit: string, branch = "main"): Promise<void> {
    await this.git(repo)("push", "--quiet", "--force", "origin", `${commit}:refs/heads/${branch}`);
  }

  async deleteBranch(repo: string, branch: string): Promise<void> {
    await this.git(repo)("push", "--quiet", "--delete", "origin", `refs/heads/${branch}`);
  }

  /** Tags what was pushed last, with a message as an object of its own. Returns the id of what the tag points at first. */
  async pushTag(repo: string, tag: string, { message }: { message?: string } = {}): Promise<string> {
    const git = this.git(repo);
    await git("tag", "--force", ...(message === undefined ? [] : ["--annotate", "--message", message]), tag);
    await git("push", "--quiet", "--force", "origin", `refs/tags/${tag}`);
    return git("rev-parse", `refs/tags/${tag}`);
  }

  /**
   * Adds a webhook to the repository, or changes the one with this URL. From now on a push returns when its deliveries are over, each after
   * five seconds at the latest.
   */
  async connectWebhook(
    repo: string,
    url: string,
    secret: string,
    { flavour = "gitea", root_url = "http://git.example.org", owner = "dev", pusher = "dev", ...more }: Identity & Partial<Webhook> = {},
  ): Promise<void> {
    await this.create(repo, "main");
    const file = join(this.bare(repo), "webhooks.json");
    const others = existsSync(file) ? (JSON.parse(await readFile(file, "utf8")) as WebhookSettings).hooks : [];
    const hooks = [...others.filter((hook) => hook.url !== url), { ...more, url, secret }];
    const settings: WebhookSettings = { flavour, root_url, owner, repo, pusher, ssh_url: this.url(repo), hooks };
    await writeFile(file, JSON.stringify(settings));
    const hook = join(this.bare(repo), "hooks", "post-receive");
    if (!existsSync(hook)) await symlink(POST_RECEIVE, hook);
  }

  /** The history of the repository's webhooks, oldest first. */
  async deliveries(repo: string): Promise<Delivery[]> {
    const file = join(this.bare(repo), "deliveries.jsonl");
    if (!existsSync(file)) return [];
    const lines = (await readFile(file, "utf8")).trimEnd().split("\n");
    return lines.map((line) => {
      const delivery = JSON.parse(line) as Delivery;
      if (!delivery.uuid) throw new Error(`the forge's hook failed: ${delivery.error}`);
      return delivery;
    });
  }

  /** Presses “Redeliver” at a delivery, or at the latest: the same body under a new id. */
  async redeliver(repo: string, uuid?: string): Promise<Delivery> {
    return this.deliver(repo, "redeliver", ...(uuid === undefined ? [] : [uuid]));
  }

  /** Presses “Test delivery” of the webhook that was connected last. */
  async testDelivery(repo: string): Promise<Delivery> {
    return this.deliver(repo, "test");
  }

  async addDeployKey(repo: string, publicKey: string): Promise<void> {
    this.keys.push({ repo, publicKey: publicKey.trim() });
    await this.writeKeys();
  }

  async removeDeployKey(repo: string): Promise<void> {
    this.keys = this.keys.filter((key) => key.repo !== repo);
    await this.writeKeys();
  }

  /** No longer answers, until {@link listen}. */
  async hangUp(): Promise<void> {
    const sshd = this.sshd;
    this.sshd = undefined;
    if (!sshd || sshd.exitCode !== null || sshd.signalCode !== null) return;
    const ended = once(sshd, "exit");
    sshd.kill("SIGTERM");
    await ended;
  }

  /** Answers on its port, which stays the same for life. */
  async listen(): Promise<void> {
    const config = this.path("sshd_config");
    await writeFile(config, this.config());
    // sshd starts itself again for each connection, in another folder: its name and its configuration's are absolute.
    const sshd = spawn(SSHD, ["-D", "-e", "-f", config], { stdio: ["ignore", "ignore", "pipe"] });
    this.sshd = sshd;
    const said: string[] = [];
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`sshd ${why}:\n${said.join("\n")}`));
      const late = setTimeout(() => fail("did not start in time"), START_DEADLINE_MS);
      sshd.once("error", (err) => fail(err.message));
      sshd.once("exit", (code) => fail(`ended with ${code}`));
      createInterface({ input: sshd.stderr! }).on("line", (line) => {
        said.push(line);
        if (!line.startsWith("Server listening on")) return;
        clearTimeout(late);
        resolve();
      });
    });
  }

  /** As after a new installation of the server: same address, another key. */
  async restartWithNewHostKey(): Promise<void> {
    await this.hangUp();
    await this.newHostKey();
    await this.listen();
  }

  async stop(): Promise<void> {
    await this.hangUp();
    await rm(this.folder, { recursive: true, force: true });
  }

  private path(name: string): string {
    return join(this.folder, name);
  }

  private bare(repo: string): string {
    return this.path(`${repo}.git`);
  }

  /** The developer's clone. */
  private work(repo: string): string {
    return this.path(`${repo}-work`);
  }

  private async create(repo: string, branch: string): Promise<void> {
    if (existsSync(this.bare(repo))) return;
    await run("git", ["init", "--quiet", "--bare", `--initial-branch=${branch}`, this.bare(repo)], { env: GIT_ENVIRONMENT });
    // The clone may delete any branch: nobody has to change the default branch first.
    await run("git", ["--git-dir", this.bare(repo), "config", "receive.denyDeleteCurrent", "ignore"], { env: GIT_ENVIRONMENT });
    await run("git", ["clone", "--quiet", this.bare(repo), this.work(repo)], { env: GIT_ENVIRONMENT });
  }

  /** git in the developer's clone; returns what it prints. */
  private git(repo: string): Git {
    return async (...args) => (await run("git", ["-C", this.work(repo), ...args], { env: GIT_ENVIRONMENT })).stdout.trim();
  }

  /** Brings the developer's clone to what the forge has on a branch, or begins the branch where the clone is. */
  private async checkOut(repo: string, branch: string): Promise<Git> {
    await this.create(repo, branch);
    const git = this.git(repo);
    await git("fetch", "--quiet", "--prune", "origin");
    const there = await git("for-each-ref", `refs/remotes/origin/${branch}`);
    await git("checkout", "--quiet", "--force", "-B", branch, ...(there ? [`origin/${branch}`] : []));
    return git;
  }

  private async pushFiles(git: Git, repo: string, branch: string, message: string, files: Record<string, string>): Promise<string> {
    for (const [name, content] of Object.entries(files)) {
      const file = join(this.work(repo), name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
    }
    await git("add", "--all");
    await git("commit", "--quiet", "--allow-empty", "--message", message);
    await git("push", "--quiet", "origin", `HEAD:refs/heads/${branch}`);
    return git("rev-parse", "HEAD");
  }

  private async deliver(repo: string, ...button: string[]): Promise<Delivery> {
    const { stdout } = await run(process.execPath, [DELIVER, this.bare(repo), ...button], { env: GIT_ENVIRONMENT });
    return JSON.parse(stdout) as Delivery;
  }

  private async newHostKey(): Promise<void> {
    await rm(this.path("host_key"), { force: true });
    await rm(this.path("host_key.pub"), { force: true });
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", this.path("host_key")]);
    // sshd separates its privileges in this folder, which only its service makes.
    if (userInfo().uid === 0) await mkdir("/run/sshd", { recursive: true });
  }

  private config(): string {
    return [
      `Port ${this.port}`,
      "ListenAddress 127.0.0.1",
      `HostKey ${this.path("host_key")}`,
      `PidFile ${this.path("sshd.pid")}`,
      `AuthorizedKeysFile ${this.path("authorized_keys")}`,
      "AuthenticationMethods publickey",
      "PermitRootLogin prohibit-password",
      "StrictModes no",
      "UsePAM no",
      "",
    ].join("\n");
  }

  private async writeKeys(): Promise<void> {
    const shim = this.path("read-one-repository");
    const lines = this.keys.map(({ repo, publicKey }) => `restrict,command="${shim} ${repo}.git" ${publicKey}\n`);
    await writeFile(this.path("authorized_keys"), lines.join(""));
  }

  /** The forced command of a deploy key: fetches from its own repository and refuses everything else, in words. */
  private async writeShim(): Promise<void> {
    const shim = this.path("read-one-repository");
    const script = `#!/bin/sh
case $SSH_ORIGINAL_COMMAND in
  "git-upload-pack '/$1'") exec git-upload-pack "${this.folder}/$1" ;;
esac
echo "refused: this key may only read $1" >&2
exit 1
`;
    await writeFile(shim, script);
    await chmod(shim, 0o755);
  }
}
