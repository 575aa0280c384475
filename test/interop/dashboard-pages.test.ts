/** Every page in a browser: axe, light and dark, on a phone and on a desk; pictures of all of it. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Browser } from "playwright-core";
import { assertQuiet, CHROMIUM, clientOf, fill, judge, look, openBrowser, PAGES, picture } from "../dashboard/rig.ts";
import { type Rollcall, startRollcall } from "../harness/program.ts";
import { ROOT } from "../harness/root.ts";
import type { Scope } from "../harness/scope.ts";

const PICTURES = join(ROOT, ".cache/pictures");
mkdirSync(PICTURES, { recursive: true });
const { registry, browser } = await open({ after });

async function open(scope: Scope): Promise<{ registry: Rollcall; browser: Browser }> {
  const registry = await startRollcall(scope, { flags: ["--dialects", "http,eureka"] });
  await fill(clientOf(registry.url));
  return { registry, browser: CHROMIUM.skip === false ? await openBrowser(scope) : ({} as Browser) };
}

for (const [colorScheme, width] of [
  ["light", 1440],
  ["dark", 1440],
  ["light", 360],
] as const)
  test(`axe is content with every page, ${colorScheme}, ${width} px`, { skip: CHROMIUM.skip }, async () => {
    const looked = await look(browser, registry.url, {
      path: "/ui/default",
      colorScheme,
      viewport: { width, height: 900 },
    });
    const { page } = looked;
    const found: string[] = [];
    for (const [name, path] of Object.entries(PAGES)) {
      await page.goto(registry.url + path);
      await page.locator("main h1, main h2").first().waitFor();
      await page.locator(".grey-lines").first().waitFor({ state: "detached" });
      await picture(page, join(PICTURES, `${name}-${width}-${colorScheme}.png`));
      found.push(
        ...(await judge(page, colorScheme === "dark" ? ["color-contrast"] : undefined)).map(
          (text) => `${name}: ${text}`,
        ),
      );
    }
    assert.deepEqual(found, []);
    assertQuiet(looked);
  });
