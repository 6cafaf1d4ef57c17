// The network between a browser and µPaaS, which a test can cut.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export class Wire {
  private listener: Server | undefined;
  private port = 0;
  private readonly ends = new Set<Socket>();

  private constructor(private readonly target: number) {}

  /** A new way to the server at this URL. */
  static async to(url: string): Promise<Wire> {
    const wire = new Wire(Number(new URL(url).port));
    await wire.mend();
    return wire;
  }

  /** The server's URL over this wire. Sessions hold here too: cookies know no ports. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Connections break off and new ones are refused, until {@link mend}. */
  async cut(): Promise<void> {
    const closed = this.listener && once(this.listener, "close");
    this.listener?.close();
    for (const end of this.ends) end.destroy();
    await closed;
  }

  async mend(): Promise<void> {
    this.listener = createServer((near) => {
      const far = connect(this.target, "127.0.0.1");
      for (const [one, other] of [
        [near, far],
        [far, near],
      ]) {
        this.ends.add(one);
        one.pipe(other);
        one.on("error", () => {});
        one.on("close", () => {
          this.ends.delete(one);
          other.destroy();
        });
      }
    }).listen(this.port, "127.0.0.1");
    await once(this.listener, "listening");
    this.port = (this.listener.address() as AddressInfo).port;
  }
}
