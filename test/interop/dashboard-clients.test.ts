/** Clients of other protocols under the open page, and people whose token is for something else. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { Resolver } from "node:dns/promises";
import { after, test } from "node:test";
import { CHROMIUM, clientOf, judge, look, openBrowser, register } from "../dashboard/rig.ts";
import { startRollcall } from "../harness/program.ts";
import { ROOT } from "../harness/root.ts";
import { until } from "../harness/scope.ts";

const scope = { after };
const browser = CHROMIUM.skip === false ? await openBrowser(scope) : undefined;
const TTL_S = 3;
const TOLD_MS_MAX = TTL_S * 1000 + 2000;

function opened(): NonNullable<typeof browser> {
  assert.ok(browser);
  return browser;
}

/** eureka-js-client in a process of its own, with heartbeats each second. */
function eurekaProgram(port: number): string {
  const instance = {
    app: "jq",
    instanceId: "jq-1",
    hostName: "localhost",
    ipAddr: "127.0.0.1",
    port: { $: 3000, "@enabled": "true" },
    vipAddress: "jq",
    leaseInfo: { renewalIntervalInSecs: 1, durationInSecs: TTL_S },
    dataCenterInfo: { "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo", name: "MyOwn" },
  };
  const eureka = {
    serviceUrls: { default: [`http://127.0.0.1:${port}/eureka/apps/`] },
    heartbeatInterval: 1000,
    registryFetchInterval: 1000,
  };
  return `const { Eureka } = require("eureka-js-client"); new Eureka(${JSON.stringify({ instance, eureka })}).start(() => {});`;
}

test("an Eureka client comes, is drained and taken back by its page, as DNS tells, and is told when it is killed", {
  skip: CHROMIUM.skip,
}, async (t) => {
  const registry = await startRollcall(t, { flags: ["--dialects", "http,eureka,dns"] });
  const client = clientOf(registry.url);
  const resolver = new Resolver({ timeout: 2000, tries: 1 });
  resolver.setServers([`127.0.0.1:${registry.port("dns")}`]);
  const resolved = async (): Promise<string> => (await resolver.resolve4("jq.rollcall").catch(() => [])).sort().join();
  const { page } = await look(opened(), registry.url);
  await page.getByText("Waiting for the first change").waitFor();
  const program = spawn(process.execPath, ["-e", eurekaProgram(registry.port("eureka"))], { cwd: ROOT });
  t.after(() => program.kill("SIGKILL"));
  await page.getByRole("row", { name: /jq.*1 of 1/ }).waitFor();
  await register(client, "jq", "native-1", { address: "127.0.0.2" });
  await page.getByRole("row", { name: /jq.*2 of 2/ }).waitFor();
  await until(async () => (await resolved()) === "127.0.0.1,127.0.0.2");

  await page.goto(`${registry.url}/ui/default/services/jq/instances/jq-1`);
  await page.getByRole("button", { name: "Drain…" }).click();
  await page.getByRole("dialog").getByText("jq keeps 1 of 2 usable").waitFor();
  await page.getByRole("dialog").getByText("rollcall override jq jq-1 draining").waitFor();
  await page.getByRole("button", { name: "Set to draining" }).click();
  await until(async () => (await resolved()) === "127.0.0.2");
  await page.getByRole("button", { name: "undo" }).click();
  await until(async () => (await resolved()) === "127.0.0.1,127.0.0.2");

  await page.goto(`${registry.url}/ui/default`);
  await page.getByRole("row", { name: /jq.*2 of 2/ }).waitFor();
  const startMs = performance.now();
  program.kill("SIGKILL");
  await page.getByRole("row", { name: /jq.*1 of 1/ }).waitFor();
  const ms = performance.now() - startMs;
  t.diagnostic(`told after ${ms.toFixed(0)} ms`);
  assert.ok(ms <= TOLD_MS_MAX, `${ms} ms`);
  await page.goto(`${registry.url}/ui/default/services/jq`);
  await page.getByText(/Gone in the last 24 hours/).waitFor();
  await page.getByRole("link", { name: "jq-1" }).click();
  await page.getByText(/^It is gone since/).waitFor();
  assert.equal(await resolved(), "127.0.0.2");
});

test("a version is drained at once, and undone as it was", { skip: CHROMIUM.skip }, async (t) => {
  const registry = await startRollcall(t);
  const client = clientOf(registry.url);
  for (let nth = 0; nth < 6; nth++) await register(client, "web", `web-${nth}`, { version: nth < 4 ? "1.0" : "2.0" });
  await client.override("web", "web-0", "warning", { reason: "hot" });
  const { page } = await look(opened(), registry.url, { path: "/ui/default/services/web" });
  await page.getByRole("button", { name: "Drain…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("web keeps 2 of 6 usable.").waitFor();
  await dialog.getByText("rollcall overrides --set draining --service web --with-version 1.0").waitFor();
  assert.deepEqual(await judge(page), []);
  await dialog.getByRole("button", { name: "Drain 4 instances" }).click();
  await page.getByText("2 of 6").first().waitFor();
  const statuses = async (): Promise<string> =>
    (await client.service("web")).instances
      .sort((one, other) => (one.id < other.id ? -1 : 1))
      .map(({ status }) => status)
      .join();
  assert.equal(await statuses(), "draining,draining,draining,draining,passing,passing");
  await page.getByRole("button", { name: "undo" }).click();
  await until(async () => (await statuses()) === "warning,passing,passing,passing,passing,passing");
});

test("a token of another account sees nothing of this one, and is told why", { skip: CHROMIUM.skip }, async (t) => {
  const registry = await startRollcall(t);
  const open = clientOf(registry.url);
  const root = await open.admin.tokens.create({ name: "root", account: null, role: "admin" });
  const admin = clientOf(registry.url, root.token);
  await register(admin, "secret-service", "s-1");
  const { token } = await admin.admin.tokens.create({ name: "other", account: "other", role: "admin" });
  const { page } = await look(opened(), registry.url, { path: "/ui/default" });
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Token").fill(token);
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").first().waitFor();
  assert.doesNotMatch(await page.locator("body").innerText(), /secret-service/);
  await page.goto(`${registry.url}/ui/other`);
  await page.getByText("Nothing has registered yet").waitFor();
});
