/** No page scrolls sideways, whatever the width; and axe is content with every question. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Browser } from "playwright-core";
import { CHROMIUM, clientOf, fill, judge, look, openBrowser, PAGES, sideways } from "../dashboard/rig.ts";
import { type Rollcall, startRollcall } from "../harness/program.ts";
import { ROOT } from "../harness/root.ts";
import type { Scope } from "../harness/scope.ts";

const PICTURES = join(ROOT, ".cache/pictures");
const WIDTHS = [320, 360, 640, 768, 1024, 1280, 1920];

mkdirSync(PICTURES, { recursive: true });
const { registry, browser } = await open({ after });

async function open(scope: Scope): Promise<{ registry: Rollcall; browser: Browser }> {
  const registry = await startRollcall(scope, { flags: ["--dialects", "http,eureka"] });
  await fill(clientOf(registry.url));
  return { registry, browser: CHROMIUM.skip === false ? await openBrowser(scope) : ({} as Browser) };
}

test("no page scrolls sideways, from 320 to 1920 px", { skip: CHROMIUM.skip }, async () => {
  const { page } = await look(browser, registry.url);
  const found: string[] = [];
  for (const [name, path] of Object.entries(PAGES)) {
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.goto(registry.url + path);
    await page.locator("main h1, main h2").first().waitFor();
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 });
      const by = await sideways(page);
      if (by > 0) found.push(`${name} at ${width}: ${by} px`);
    }
  }
  assert.deepEqual(found, []);
});

test("axe is content with every question and dialog", { skip: CHROMIUM.skip }, async () => {
  const { page } = await look(browser, registry.url, { path: PAGES.instance ?? "" });
  const found: string[] = [];
  const dialog = page.getByRole("dialog");
  const check = async (name: string): Promise<void> => {
    await dialog.waitFor();
    await page.screenshot({ path: join(PICTURES, `dialog-${name}.png`) });
    found.push(...(await judge(page)).map((text) => `${name}: ${text}`));
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
  };
  for (const name of ["Drain…", "Set status…", "Deregister…"]) {
    await page.getByRole("button", { name }).click();
    await check(name.replace(/\W/g, ""));
  }
  await page.locator("main").focus();
  for (const [key, name] of [
    ["?", "help"],
    ["/", "search"],
  ] as const) {
    await page.keyboard.press(key);
    await check(name);
  }
  await page.goto(registry.url + PAGES.service);
  await page.getByRole("button", { name: "Drain…" }).click();
  await check("drain-version");
  await page.goto(registry.url + PAGES.key);
  await page.getByRole("button", { name: "Delete…" }).click();
  await check("delete-key");
  assert.deepEqual(found, []);
});

test("without colours the worse ones are the taller ones, and each status has a shape of its own", {
  skip: CHROMIUM.skip,
}, async () => {
  const { page } = await look(browser, registry.url, { path: PAGES.overview ?? "" });
  const session = await page.context().newCDPSession(page);
  await session.send("Emulation.setEmulatedVisionDeficiency", { type: "achromatopsia" });
  await page.locator(".counts a").first().waitFor();
  await page.screenshot({ path: join(PICTURES, "overview-grey.png") });
  const heights = await page.evaluate(() =>
    Object.fromEntries(
      [...document.querySelectorAll(".counts")]
        .flatMap((counts) => [...(counts.previousElementSibling?.children ?? [])])
        .map((bar) => [bar.className, bar.getBoundingClientRect().height]),
    ),
  );
  const { critical = 0, warning = 0, passing = 0 } = heights;
  assert.ok(critical > warning && warning > passing && passing > 0, JSON.stringify(heights));
  const shapes = await page.evaluate(() =>
    [...document.querySelectorAll(".counts a .shape")].map((one) => one.innerHTML),
  );
  assert.ok(shapes.length >= 7);
  assert.equal(new Set(shapes).size, shapes.length, "two statuses look alike");
});
