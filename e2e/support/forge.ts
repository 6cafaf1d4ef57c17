// A git server: a real sshd on a loopback port, bare repositories, and deploy keys that may read one repository each. It stands in for
// Gitea as far as git can tell: same refusals, same host keys.
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, copyFile, cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

import { freePort } from "./ports";

const run = promisify(execFile);

const SSHD = "/usr/sbin/sshd";
const BUSYBOX = "/bin/busybox";
const APPS = join(__dirname, "..", "apps");
const START_DEADLINE_MS = 10_000;

/** Nothing of this machine's git configuration. */
const GIT_ENVIRONMENT = {
  PATH: process.env.PATH,
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
    const bare = this.path(`${repo}.git`);
    const work = this.path(`${repo}-work`);
    await run("git", ["init", "--quiet", "--bare", `--initial-branch=${branch}`, bare], { env: GIT_ENVIRONMENT });
    await rm(work, { recursive: true, force: true });
    await mkdir(work);
    await cp(join(APPS, app), work, { recursive: true });
    await copyFile(BUSYBOX, join(work, "busybox"));
    for (const [name, content] of Object.entries(files)) await writeFile(join(work, name), content);

    const git = (...args: string[]) =>
      run("git", ["--git-dir", bare, "--work-tree", work, ...args], { env: GIT_ENVIRONMENT });
    await git("symbolic-ref", "HEAD", `refs/heads/${branch}`);
    await git("add", "--all");
    await git("commit", "--quiet", "--allow-empty", "--message", message);
    return (await git("rev-parse", "HEAD")).stdout.trim();
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
