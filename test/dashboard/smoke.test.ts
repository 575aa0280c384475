/** The page in a browser, as quickly as can be: it shows what is, follows what comes, and writes. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { startRollcall } from "../harness/program.ts";
import { ROOT } from "../harness/root.ts";
import { assertQuiet, CHROMIUM, clientOf, fill, look, openBrowser, register } from "./rig.ts";

const UI = join(ROOT, "packages/registry/dist/ui");
/** Compressed, of all that a browser loads for the first page. */
const BYTES_MAX = 100 * 1024;

test("the page and all that it loads is at most 100 KiB compressed", (t) => {
  const assets = readdirSync(join(UI, "assets")).filter((name) => name.endsWith(".gz"));
  const sizes = assets.map((name) => [name, statSync(join(UI, "assets", name)).size] as const);
  const sum = sizes.reduce((all, [, size]) => all + size, 0);
  t.diagnostic(
    `${(sum / 1024).toFixed(1)} KiB: ${sizes.map(([name, size]) => `${name.replace(/-.*\.(\w+)\.gz/, ".$1")} ${(size / 1024).toFixed(1)}`).join(", ")}`,
  );
  assert.ok(sizes.length >= 4 && sum <= BYTES_MAX, `${sum} bytes`);
});

test("the page names nothing of another host and no style or script of its own", () => {
  const html = readFileSync(join(UI, "index.html"), "utf8");
  assert.doesNotMatch(html, /<style|style=|<script(?![^>]*src="\/ui\/assets\/)|https?:/);
});

test("the overview, a service and an instance, live", { skip: CHROMIUM.skip }, async () => {
  const scope = { after };
  const [registry, browser] = await Promise.all([startRollcall(scope), openBrowser(scope)]);
  const client = clientOf(registry.url);
  await fill(client);
  const looked = await look(browser, registry.url);
  const { page } = looked;
  await page.getByRole("heading", { name: "ledger has no usable instance" }).waitFor();
  await page.getByText("No usable instance. Check db: connection refused, on all 3").waitFor();
  await page.getByRole("row", { name: /catalog.*3 of 3/ }).waitFor();

  await register(client, "fresh", "fresh-1");
  await page.getByRole("row", { name: /fresh.*1 of 1/ }).waitFor();

  await page.getByRole("link", { name: "payments" }).first().click();
  await page.getByText("All 2 failing instances run 2.8.0, and the other one does not.").waitFor();
  await page.getByRole("link", { name: "payments-0" }).click();
  await page.getByText(/shown as critical by its check db/).waitFor();
  await page.getByRole("button", { name: "Drain…" }).click();
  await page.getByRole("dialog").getByLabel("Why (shown in its history)").fill("kernel update");
  await page.getByRole("button", { name: "Set to draining" }).click();
  await page.getByText("draining: kernel update").waitFor();
  assert.equal((await client.instance("payments", "payments-0"))?.status, "draining");
  assertQuiet(looked);
});
