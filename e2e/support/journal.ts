// The journal on a deployment's page: what it shows, whether that is all, and what stands still in it.
import { randomUUID } from "node:crypto";

import { expect, type Locator, type Page } from "@playwright/test";

/** A build step's script that the builder has never seen, so that its cache cannot answer for it. */
export function script(commands: string): string {
  return `# ${randomUUID()}\n${commands}\n`;
}

/** A build step's script that prints `line 1`, `line 2` and so on. Without an end it is meant to be cancelled. */
export function printing({ lines = 5_000, perSecond }: { lines?: number; perSecond: number }): string {
  return script(`n=0; while [ "$n" -lt ${lines} ]; do n=$((n + 1)); echo "line $n"; sleep ${1 / perSecond}; done`);
}

/** A build step's script that prints `line 1` … `line N` at once. */
export function printingAtOnce(lines: number): string {
  return script(`awk 'BEGIN { for (n = 1; n <= ${lines}; n++) print "line", n }'`);
}

export interface Line {
  number: number;
  text: string;
}

/** All lines that the page holds. */
export async function lines(page: Page): Promise<Line[]> {
  return page.locator("#lines > .line").evaluateAll((all) =>
    all.map((line) => ({ number: Number(line.id.slice(1)), text: line.querySelector(".line-text")!.textContent! })),
  );
}

/** The lines of the whole journal, as it is downloaded. */
export async function downloaded(page: Page): Promise<Line[]> {
  const href = await page.getByRole("link", { name: "Download" }).getAttribute("href");
  const text = await (await page.request.get(href!)).text();
  return text
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [, number, words] = /^(\d+) \S{24} . ?(.*)$/.exec(line) ?? [];
      return { number: Number(number), text: words };
    });
}

/** Waits until the journal is complete, and sees every line of it on the page: once, in order, as it was written. */
export async function expectWhole(page: Page): Promise<Line[]> {
  await expect(page.locator("#journal-state")).toHaveText("complete");
  const shown = await lines(page);
  expect(shown.map(({ number }) => number)).toEqual(shown.map((_, at) => at + 1));
  expect(shown).toEqual(await downloaded(page));
  return shown;
}

/** Each line is followed by the next. */
export function expectNeighbours(shown: Line[]): void {
  expect(shown.map(({ number }) => number)).toEqual(shown.map((_, at) => shown[0].number + at));
}

/** Which line a build step has printed, as {@link printing} does; the builder writes the step's number before it. */
export function printedNumber({ text }: Line): number | undefined {
  const [, n] = /^(?:#\d+ )?line (\d+)$/.exec(text) ?? [];
  return n === undefined ? undefined : Number(n);
}

/** The line that a build step has printed as its n-th. */
export function printed(page: Page, n: number): Locator {
  return page.locator("#lines .line-text", { hasText: new RegExp(`^(#\\d+ )?line ${n}$`) });
}

export interface Place {
  /** The first line that can be seen, */
  line: string;
  /** and how many pixels of it are above the edge. */
  offset: number;
}

/** Where somebody reads in the journal. */
export async function place(page: Page): Promise<Place> {
  return page.locator("#journal-box").evaluate((box) => {
    const edge = box.getBoundingClientRect().top;
    const first = [...box.querySelectorAll("#lines > .line")].find((line) => line.getBoundingClientRect().bottom > edge + 0.5)!;
    return { line: first.id, offset: Math.round(first.getBoundingClientRect().top - edge) };
  });
}

/** How far the end of the journal is below what can be seen. */
export async function pixelsToEnd(page: Page): Promise<number> {
  return page.locator("#journal-box").evaluate((box) => Math.round(box.scrollHeight - box.clientHeight - box.scrollTop));
}
