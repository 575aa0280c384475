/** What both scenarios of the dashboard share: a full registry, and a browser. */
import { createClient } from "@rollcall/client";
import { type Browser, chromium, type Page } from "playwright-core";
import { runJob } from "../../generators/driver.ts";
import { sleep } from "../../host/child.ts";
import type { RegistryPeer } from "../../peers/registry.ts";

const SERVICES = 200;
const INSTANCES = 10_000;
const VALUE_BYTES = 200;
const CONNECTIONS = 32;
/** So many services have something wrong, as the first screen is longest then. */
const TROUBLED = 6;

export async function fill({ port }: RegistryPeer): Promise<void> {
  const filled = await runJob(
    {
      kind: "rollcall-fill",
      port,
      connections: CONNECTIONS,
      count: INSTANCES,
      serviceSize: INSTANCES / SERVICES,
      valueBytes: VALUE_BYTES,
    },
    120_000,
  );
  if (filled.errors > 0) throw new Error(`${filled.errors} instances were not registered`);
  const client = createClient({ url: `http://127.0.0.1:${port}` });
  const { instances } = await client.instances({ limit: INSTANCES });
  for (let nth = 0; nth < TROUBLED; nth++) {
    const one = instances[nth * (INSTANCES / SERVICES)];
    if (one === undefined) throw new Error("the registry is not full");
    await client.override(one.service, one.id, "critical");
  }
}

export async function withBrowser<T>(use: (browser: Browser) => Promise<T>): Promise<T> {
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
    timeout: 60_000,
  });
  try {
    return await use(browser);
  } finally {
    await browser.close();
  }
}

/** Notes when all parts of the first screen are there and have been painted, in ms since the navigation began. */
const NOTE = `{
  const parts = [".verdict h1", ".attention li", ".counts b", ".churn", ".services [data-row]"];
  const look = () => {
    if (!parts.every((part) => document.querySelector(part))) return;
    watcher.disconnect();
    requestAnimationFrame(() => setTimeout(() => { globalThis.fullMs ??= performance.now(); }));
  };
  const watcher = new MutationObserver(look);
  watcher.observe(document, { childList: true, subtree: true });
}`;

/** Opens the overview with nothing cached; answers how long its first full screen took, in ms. */
export async function open(browser: Browser, url: string, slowdown: number): Promise<{ page: Page; fullMs: number }> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.addInitScript(NOTE);
  const session = await context.newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: slowdown });
  await page.goto(`${url}/ui/default`);
  for (let tries = 0; tries < 600; tries++) {
    const fullMs = await page.evaluate("globalThis.fullMs");
    if (typeof fullMs === "number") return { page, fullMs };
    await sleep(50);
  }
  throw new Error(`the first screen is not full: ${await page.evaluate("document.body.innerText.slice(0, 300)")}`);
}
