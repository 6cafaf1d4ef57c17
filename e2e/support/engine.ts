// The Docker engine, asked directly: what an installation made there, what somebody does to it behind µPaaS's back, and its removal. Found
// by the installation's own label, so what belongs to somebody else is never touched.
import { randomUUID } from "node:crypto";
import { request } from "node:http";

/** Where it listens. */
export const SOCKET = (process.env.UPAAS_DOCKER_HOST || "unix:///var/run/docker.sock").replace(/^unix:\/\//, "");
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

/** A container as it really is: the part of `docker inspect` that settings are about. */
export interface Container {
  Id: string;
  Config: { Env: string[]; Labels: Record<string, string> };
  State: { StartedAt: string };
  HostConfig: { Memory: number; PortBindings: Record<string, { HostIp: string; HostPort: string }[]> };
  Mounts: { Type: string; Name?: string; Destination: string; RW: boolean }[];
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

/** The only container that an app has. */
export async function containerOf(instance: string, slug: string): Promise<Thing> {
  const theirs = (await made(instance)).containers.filter((it) => it.Labels["upaas.slug"] === slug);
  if (theirs.length !== 1) throw new Error(`“${slug}” has ${theirs.length} containers`);
  return theirs[0];
}

/** `docker inspect` of the only container that an app has. */
export async function inspect(instance: string, slug: string): Promise<Container> {
  return ask<Container>("GET", `/containers/${(await containerOf(instance, slug)).Id}/json`);
}

/** `docker stop`, by hand. */
export async function stopByHand(container: Thing): Promise<void> {
  await ask("POST", `/containers/${container.Id}/stop`);
}

/** `docker rm -f`, by hand. */
export async function removeByHand(container: Thing): Promise<void> {
  await ask("DELETE", `/containers/${container.Id}?force=true`);
}

/** `docker pause`, by hand. */
export async function pauseByHand(container: Thing): Promise<void> {
  await ask("POST", `/containers/${container.Id}/pause`);
}

/** `docker rename`, by hand. */
export async function renameByHand(container: Thing, name: string): Promise<void> {
  await ask("POST", `/containers/${container.Id}/rename?name=${name}`);
}

/** `docker commit`, by hand, with the labels of a deployment that nobody knows. Returns the image's id. */
export async function commitByHand(container: Thing): Promise<string> {
  const labels = { ...container.Labels, "upaas.deployment": "99" };
  const { Id } = await ask<Thing>("POST", `/commit?container=${container.Id}`, { Labels: labels });
  return Id;
}

/** Starts a container with the installation's label that it does not know, as after restoring a backup. Returns its id. */
export async function startOrphan(instance: string, image: Thing, app: string = randomUUID()): Promise<string> {
  const whose = { "upaas.instance": instance, "upaas.app": app, "upaas.slug": "forgotten", "upaas.deployment": "7" };
  const labels = { ...whose, "upaas.container": "true" };
  const { Id } = await ask<Thing>("POST", "/containers/create", { Image: image.Id, Labels: labels });
  await ask("POST", `/containers/${Id}/start`);
  return Id;
}

/** Removes everything that carries this installation's label, and fails when something stays. */
export async function removeAll(instance: string): Promise<void> {
  const { containers, images } = await made(instance);
  for (const { Id } of containers) await ask("DELETE", `/containers/${Id}?force=true&v=true`);
  for (const { Id } of images) await ask("DELETE", `/images/${Id}?force=true`);
  const filters = encodeURIComponent(JSON.stringify({ label: [`upaas.instance=${instance}`] }));
  const { Volumes } = await ask<{ Volumes: { Name: string }[] | null }>("GET", `/volumes?filters=${filters}`);
  for (const { Name } of Volumes ?? []) await ask("DELETE", `/volumes/${Name}`);
  const left = await made(instance);
  if (left.containers.length + left.images.length > 0) {
    throw new Error(`the engine still has things of this installation: ${JSON.stringify(left)}`);
  }
}

function ask<T>(method: string, path: string, body?: object): Promise<T> {
  return new Promise((resolve, reject) => {
    const headers = body && { "Content-Type": "application/json" };
    const call = request({ socketPath: SOCKET, method, path, headers, timeout: ANSWER_DEADLINE_MS }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (piece) => (text += piece));
      answer.on("error", reject);
      answer.on("end", () => {
        const status = answer.statusCode ?? 0;
        const gone = method === "DELETE" && status === 404;
        if (status >= 400 && !gone) reject(new Error(`the engine answered ${status} to ${method} ${path}: ${text}`));
        else resolve((gone || text === "" ? undefined : JSON.parse(text)) as T);
      });
    });
    call.on("timeout", () => call.destroy(new Error(`the engine did not answer ${method} ${path}`)));
    call.on("error", reject);
    call.end(body && JSON.stringify(body));
  });
}
