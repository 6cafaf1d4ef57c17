// The real binary, on a port and a data directory of its own.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { freePort } from "./ports";

const BINARY = process.env.UPAAS_E2E_BINARY || join(__dirname, "..", "..", "target", "debug", "upaas");
const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 15_000;

export class Server {
  /** The installation's id, which is on everything that it makes on the engine. */
  instance = "";
  private process: ChildProcess | undefined;
  private readonly lines: string[] = [];

  private constructor(
    private readonly data: string,
    private readonly port: number,
    private readonly engine: string | undefined,
  ) {}

  /** `engine` is where it looks for the Docker engine; without one it is this machine's. */
  static async start({ engine = process.env.UPAAS_DOCKER_HOST }: { engine?: string } = {}): Promise<Server> {
    const server = new Server(await mkdtemp(join(tmpdir(), "upaas-e2e-data-")), await freePort(), engine);
    try {
      await server.run();
    } catch (err) {
      await server.stop().catch(() => {});
      throw err;
    }
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Everything it has logged. */
  get log(): string {
    return `${this.lines.join("\n")}\n`;
  }

  async setupCode(): Promise<string> {
    return (await readFile(join(this.data, "setup-code"), "utf8")).trim();
  }

  /** As after a reboot: the same data directory, a new process. */
  async restart(): Promise<void> {
    await this.goDown();
    await this.comeBack();
  }

  /** As during an upgrade: nobody listens, the data stays. */
  async goDown(): Promise<void> {
    await this.terminate();
  }

  /** After {@link goDown}: the same address and data, a new process. */
  async comeBack(): Promise<void> {
    await this.run();
  }

  /** As after a failure of the disk: there is something in the journals' place that cannot be read. */
  async breakJournals(): Promise<void> {
    const logs = join(this.data, "logs");
    for (const name of await readdir(logs, { recursive: true })) {
      if (!/\.journal(\.zst)?$/.test(name)) continue;
      await rm(join(logs, name));
      await mkdir(join(logs, name));
    }
  }

  /** Ends it for good; it has to end by itself in time. */
  async stop(): Promise<void> {
    try {
      await this.terminate();
    } finally {
      await rm(this.data, { recursive: true, force: true });
    }
  }

  private async run(): Promise<void> {
    const child = spawn(BINARY, [], { env: this.environment(), stdio: ["ignore", "ignore", "pipe"] });
    this.process = child;
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`${BINARY} ${why}:\n${this.log}`));
      const late = setTimeout(() => fail("was not ready in time"), START_DEADLINE_MS);
      child.once("error", (err) => fail(err.message));
      child.once("exit", (code, signal) => fail(`ended with ${code ?? signal}`));
      createInterface({ input: child.stderr! }).on("line", (line) => {
        this.lines.push(line);
        if (!line.includes("µPaaS is ready")) return;
        this.instance = (JSON.parse(line) as { instance: string }).instance;
        clearTimeout(late);
        resolve();
      });
    });
    const alive = await fetch(`${this.url}/health/live`);
    if (!alive.ok) throw new Error(`/health/live answered ${alive.status}`);
  }

  private async terminate(): Promise<void> {
    const child = this.process;
    this.process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    let killed = false;
    const late = setTimeout(() => {
      killed = true;
      child.kill("SIGKILL");
    }, STOP_DEADLINE_MS);
    const [code] = await ended;
    clearTimeout(late);
    if (killed) throw new Error(`µPaaS did not end within ${STOP_DEADLINE_MS} ms of SIGTERM:\n${this.log}`);
    if (code !== 0) throw new Error(`µPaaS ended with ${code} after SIGTERM:\n${this.log}`);
  }

  /** Nothing of the caller's, except where the programs and the engine are. */
  private environment(): NodeJS.ProcessEnv {
    const { PATH, HOME } = process.env;
    return {
      PATH,
      HOME,
      ...(this.engine && { UPAAS_DOCKER_HOST: this.engine }),
      PORT: String(this.port),
      UPAAS_DATA_DIR: this.data,
      UPAAS_LISTEN_ADDR: "127.0.0.1",
      UPAAS_LOG_FORMAT: "json",
    };
  }
}
