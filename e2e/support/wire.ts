// The way to µPaaS or to the engine, which a test can cut.
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type NetConnectOpts, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { SOCKET } from "./engine";

export class Wire {
  private listener: Server | undefined;
  private readonly ends = new Set<Socket>();
  /** Who waits for the far end while nothing gets through. */
  private waiting: (() => void)[] | undefined;
  /** How many requests were answered with 404. */
  misdirected = 0;

  private constructor(
    private readonly target: NetConnectOpts,
    /** A path, or a port of this machine; 0 until one was found. */
    private place: string | number,
  ) {}

  /** A new way to the server at this URL. */
  static async to(url: string): Promise<Wire> {
    const wire = new Wire({ host: "127.0.0.1", port: Number(new URL(url).port) }, 0);
    await wire.mend();
    return wire;
  }

  /** A new way to the engine. */
  static async toEngine(): Promise<Wire> {
    const folder = await mkdtemp(join(tmpdir(), "upaas-e2e-engine-"));
    const wire = new Wire({ path: SOCKET }, join(folder, "docker.sock"));
    await wire.mend();
    return wire;
  }

  /** The server's URL over this wire. Sessions hold here too: cookies know no ports. */
  get url(): string {
    return `http://127.0.0.1:${this.place}`;
  }

  /** The engine's address over this wire. */
  get address(): string {
    return `unix://${this.place}`;
  }

  /** Connections break off and new ones are refused, until {@link mend}. */
  async cut(): Promise<void> {
    const closed = this.listener && once(this.listener, "close");
    this.listener?.close();
    this.waiting = undefined;
    for (const end of this.ends) end.destroy();
    await closed;
  }

  async mend(): Promise<void> {
    this.listener = createServer((near) => {
      this.ends.add(near);
      near.on("error", () => {});
      near.on("close", () => this.ends.delete(near));
      if (this.waiting) this.waiting.push(() => this.join(near));
      else this.join(near);
    });
    await this.listen(this.listener);
  }

  /** As a proxy that finds nobody behind it: whatever is asked for is answered with 404, until {@link cut}. */
  async misdirect(): Promise<void> {
    this.listener = createServer((near) => {
      this.ends.add(near);
      near.on("error", () => {});
      near.on("close", () => this.ends.delete(near));
      near.once("data", () => {
        this.misdirected++;
        near.end("HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 19\r\nConnection: close\r\n\r\n404 page not found\n");
      });
    });
    await this.listen(this.listener);
  }

  /** As when the other end hangs: new connections are taken and nothing is answered, until {@link thaw}. */
  freeze(): void {
    this.waiting ??= [];
  }

  thaw(): void {
    const waiting = this.waiting ?? [];
    this.waiting = undefined;
    for (const go of waiting) go();
  }

  /** Nothing of it is left. */
  async remove(): Promise<void> {
    await this.cut();
    if (typeof this.place === "string") await rm(dirname(this.place), { recursive: true });
  }

  private async listen(listener: Server): Promise<void> {
    if (typeof this.place === "string") listener.listen(this.place);
    else listener.listen(this.place, "127.0.0.1");
    await once(listener, "listening");
    if (typeof this.place === "number") this.place = (listener.address() as AddressInfo).port;
  }

  private join(near: Socket): void {
    if (near.destroyed) return;
    const far = connect(this.target);
    this.ends.add(far);
    far.on("error", () => {});
    far.on("close", () => {
      this.ends.delete(far);
      near.destroy();
    });
    near.on("close", () => far.destroy());
    near.pipe(far);
    far.pipe(near);
  }
}
