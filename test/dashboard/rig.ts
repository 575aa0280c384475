/** A browser on the registry's pages: Debian's Chromium, and what it must never do. */
import assert from "node:assert/strict";
import { type Client, createClient } from "@rollcall/client";
import axe from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { requirePackage } from "../harness/packages.ts";
import type { Scope } from "../harness/scope.ts";

export const CHROMIUM = requirePackage("chromium", "chromium");

/** Ends with the test. */
export async function openBrowser(scope: Scope): Promise<Browser> {
  const args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
  const browser = await chromium.launch({ executablePath: CHROMIUM.path, args, timeout: 120_000 });
  scope.after(() => browser.close());
  return browser;
}

const PICTURE_PX_MAX = 4000;

export interface Looked {
  readonly page: Page;
  /** Errors of scripts, refusals of the policy, and requests to other hosts: there must be none. */
  readonly complaints: string[];
}

export interface LookOptions extends BrowserContextOptions {
  readonly path?: string;
}

/** A page of its own browser profile. */
export async function look(
  browser: Browser,
  url: string,
  { path = "/", ...options }: LookOptions = {},
): Promise<Looked> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (
      message.type() === "error" &&
      !/ERR_(CONNECTION_REFUSED|INCOMPLETE_CHUNKED_ENCODING|CONNECTION_RESET|EMPTY_RESPONSE)|status of 40[134]/.test(
        message.text(),
      )
    )
      complaints.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !/^(data|blob):/.test(request.url()))
      complaints.push(`elsewhere: ${request.url()}`);
  });
  await page.goto(url + path);
  return { page, complaints };
}

/** Every page, of an account filled by `fill`. */
export const PAGES: Readonly<Record<string, string>> = {
  overview: "/ui/default",
  "no-match": "/ui/default?q=nothing-like-it",
  service: "/ui/default/services/payments",
  "service-events": "/ui/default/services/payments/events",
  "service-dependencies": "/ui/default/services/payments/dependencies",
  "service-names": "/ui/default/services/payments/names",
  instance: "/ui/default/services/payments/instances/payments-0",
  "instance-gone": "/ui/default/services/gone/instances/gone-1",
  instances: "/ui/default/instances",
  events: "/ui/default/events",
  changes: "/ui/default/changes?from=-60m",
  map: "/ui/default/map?focus=ledger",
  matrix: "/ui/default/map?view=matrix",
  edges: "/ui/default/map?view=table",
  config: "/ui/default/config/",
  key: "/ui/default/config/app/payments/db",
  editor: "/ui/default/config/app/payments/db?edit=1",
  cluster: "/ui/cluster",
  signin: "/ui/signin",
  missing: "/ui/default/nothing/here",
  first: "/ui/empty",
};

/** What axe finds against WCAG 2.2 AA and best practice; or against these rules alone. */
export async function judge(page: Page, rules?: readonly string[]): Promise<string[]> {
  // The page's policy allows no script from elsewhere; the tool speaks for itself.
  const session = await page.context().newCDPSession(page);
  const { frameTree } = await session.send("Page.getFrameTree");
  const { executionContextId } = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id });
  await session.send("Runtime.evaluate", { expression: axe.source, contextId: executionContextId });
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const expression = `axe.run(document, { runOnly: ${JSON.stringify(rules ?? tags)} }).then(({ violations }) => JSON.stringify(violations.map(({ id, nodes }) => id + ": " + nodes.slice(0, 3).map(({ target, failureSummary }) => target + " " + failureSummary).join(" | "))))`;
  const { result } = await session.send("Runtime.evaluate", {
    expression,
    contextId: executionContextId,
    awaitPromise: true,
  });
  await session.detach();
  return JSON.parse(String(result.value)) as string[];
}

/** The whole page, as somebody with a window of that height sees it: rows out of sight are not in the page. */
export async function picture(page: Page, path: string): Promise<void> {
  const size = page.viewportSize() ?? { width: 1440, height: 900 };
  const content = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ ...size, height: Math.min(PICTURE_PX_MAX, Math.max(size.height, content)) });
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(0)))));
  await page.screenshot({ path });
  await page.setViewportSize(size);
}

/** By how much the page is wider than the window, in px. */
export function sideways(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

export function clientOf(url: string, token?: string): Client {
  return createClient({ url, token });
}

/** An instance that stays for an hour. */
export async function register(client: Client, service: string, id: string, more: object = {}): Promise<void> {
  await client.registerOnce({ service, id, address: "10.0.0.1", port: 80, ttl: "1h", ...more });
}

/** A service with failing instances on one version, one with none usable, a warning, keys with a history, and callers. */
export async function fill(client: Client): Promise<void> {
  const check = [{ id: "db", kind: "reported" as const }];
  for (let nth = 0; nth < 3; nth++) {
    await register(client, "ledger", `ledger-${nth}`, { zone: "eu-1a", checks: check, version: "3.1.0" });
    await client.report("ledger", `ledger-${nth}`, "db", { status: "critical", output: "connection refused" });
    await register(client, "payments", `payments-${nth}`, {
      zone: "eu-1b",
      checks: check,
      version: nth < 2 ? "2.8.0" : "2.7.4",
    });
    const isBad = nth < 2;
    await client.report("payments", `payments-${nth}`, "db", {
      status: isBad ? "critical" : "passing",
      output: isBad ? "FATAL: no such user\nmore" : "",
    });
    await register(client, "catalog", `catalog-${nth}`, {
      zone: "eu-1c",
      version: "7",
      tags: ["blue"],
      meta: { team: "web" },
    });
  }
  await register(client, "search", "search-1", { checks: check });
  await client.report("search", "search-1", "db", { status: "warning", output: "heap above 90 %" });
  await register(client, "gone", "gone-1");
  await client.deregister("gone", "gone-1");
  for (const [application, provider] of [
    ["payments", "ledger"],
    ["catalog", "payments"],
  ] as const)
    await client.trio.subscribe({ application, subscribes: [{ provider }] });
  for (const user of ["payments_rw", "payments"])
    await client.config.put("app/payments/db", `host: ledger-db\nuser: ${user}\npool: 20\n`);
  await client.config.put("app/flags", '{"beta":true}');
  await client.config.put("blob", new Uint8Array([0, 255, 7]));
}

export function assertQuiet({ complaints }: Looked): void {
  assert.deepEqual(complaints, []);
}
