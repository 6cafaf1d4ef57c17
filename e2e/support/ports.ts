import { createServer } from "node:net";

// Below what Linux gives to outgoing connections: a port that is free now is still free when somebody binds it a second later.
const LOWEST = 20_000;
const HIGHEST = 32_000;

/** A loopback port that nobody listens on. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (await canBind(port)) return port;
  }
}

function canBind(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "0.0.0.0", () => probe.close(() => resolve(true)));
  });
}

/** What the app on this port answers, or why it does not. */
export async function answer(port: number): Promise<string> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" }, signal: AbortSignal.timeout(5_000) });
    return (await response.text()).trim();
  } catch (err) {
    return `no answer: ${(err as Error).cause ?? err}`;
  }
}
