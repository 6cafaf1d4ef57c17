// The Docker engine, asked directly: what an installation made there, and its removal. Found by the installation's own label, so what
// belongs to somebody else is never touched.
import { request } from "node:http";

const SOCKET = (process.env.UPAAS_DOCKER_HOST || "unix:///var/run/docker.sock").replace(/^unix:\/\//, "");
const ANSWER_DEADLINE_MS = 30_000;

export interface Thing {
  Id: string;
  Labels: Record<string, string>;
  /** Containers only: `running`, `exited`, … */
  State?: string;
}

export interface Leftovers {
  containers: Thing[];
  images: Thing[];
}

/** What carries this installation's label; with a number, of that deployment only. */
export async function made(instance: string, deployment?: number): Promise<Leftovers> {
  const label = [`upaas.instance=${instance}`];
  if (deployment !== undefined) label.push(`upaas.deployment=${deployment}`);
  const filters = encodeURIComponent(JSON.stringify({ label }));
  return {
    containers: await ask<Thing[]>("GET", `/containers/json?all=true&filters=${filters}`),
    images: await ask<Thing[]>("GET", `/images/json?filters=${filters}`),
  };
}

/** Removes everything that carries this installation's label, and fails when something stays. */
export async function removeAll(instance: string): Promise<void> {
  const { containers, images } = await made(instance);
  for (const { Id } of containers) await ask("DELETE", `/containers/${Id}?force=true&v=true`);
  for (const { Id } of images) await ask("DELETE", `/images/${Id}?force=true`);
  const left = await made(instance);
  if (left.containers.length + left.images.length > 0) {
    throw new Error(`the engine still has things of this installation: ${JSON.stringify(left)}`);
  }
}

function ask<T>(method: string, path: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: SOCKET, method, path, timeout: ANSWER_DEADLINE_MS }, (answer) => {
      let body = "";
      answer.setEncoding("utf8");
      answer.on("data", (piece) => (body += piece));
      answer.on("error", reject);
      answer.on("end", () => {
        const status = answer.statusCode ?? 0;
        const gone = method === "DELETE" && status === 404;
        if (status >= 400 && !gone) reject(new Error(`the engine answered ${status} to ${method} ${path}: ${body}`));
        else resolve((gone || body === "" ? undefined : JSON.parse(body)) as T);
      });
    });
    call.on("timeout", () => call.destroy(new Error(`the engine did not answer ${method} ${path}`)));
    call.on("error", reject);
    call.end();
  });
}
