/** A stock Spring Cloud Netflix Eureka server (`java/eureka-server`) and Rollcall, each the other's peer. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { findInstance, startNode, untilGone, untilShown } from "../eureka/peers/rig.ts";
import { beat, cancel, type Eureka, fetchAll, register, type Shown } from "../eureka/rig.ts";
import { requirePackage } from "../harness/packages.ts";
import { freePort } from "../harness/ports.ts";
import type { Program } from "../harness/process.ts";
import { request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { buildProject } from "./maven-rig.ts";
import { waitForLine } from "./programs-rig.ts";

const packages = [requirePackage("maven", "mvn"), requirePackage("default-jdk-headless", "javac")];
const project = await buildProject("eureka-server", packages, {
  "spring-boot.version": "3.5.9",
  "spring-cloud.version": "2025.0.1",
});
const skip = project.skip;

interface Server extends Pick<Eureka, "apps"> {
  /** Its service URL. */
  readonly url: string;
  readonly program: Program;
}

/** Starts a server whose only peer is Rollcall. It evicts within a second after a lease, and answers without its caches. */
async function startServer(t: TestContext, port: number, rollcallPort: number, isClient: boolean): Promise<Server> {
  const program = project.start(t, "rollcall.Main", {
    properties: {
      "server.port": port,
      "spring.application.name": "old-eureka",
      "spring.main.banner-mode": "off",
      "eureka.instance.hostname": "old.test",
      "eureka.instance.ip-address": "127.0.0.1",
      "eureka.client.service-url.defaultZone": `http://127.0.0.1:${rollcallPort}/eureka/`,
      "eureka.client.register-with-eureka": isClient,
      "eureka.client.fetch-registry": isClient,
      "eureka.server.enable-self-preservation": false,
      "eureka.server.eviction-interval-timer-in-ms": 500,
      "eureka.server.use-read-only-response-cache": false,
      "eureka.server.registry-sync-retry-wait-ms": 500,
    },
  });
  await waitForLine(program, /Started Main in/, 90_000);
  const url = `http://127.0.0.1:${port}/eureka/`;
  return { url, apps: `${url}apps`, program };
}

/** What it complained of since it had so many lines. */
function complaints({ program }: Server, from = 0): readonly string[] {
  return program.lines.slice(from).filter((line) => / ERROR /.test(line) && /replicat|eureka|batch/i.test(line));
}

/** A lease that ends after three seconds here, and after six there. */
const LEASE = { leaseInfo: { durationInSecs: 3, renewalIntervalInSecs: 1 } };

/** A client that beats at `home` every second. */
function keepBeating(t: TestContext, home: () => Pick<Eureka, "apps">, ids: readonly string[]): void {
  const timer = setInterval(() => {
    for (const path of ids) {
      const [app = "", id = ""] = path.split("/");
      void beat(home(), app, id).catch(() => undefined);
    }
  }, 700);
  t.after(() => clearInterval(timer));
}

/** Watches servers in the background; answers who was away from where. */
function watch(t: TestContext, pairs: readonly (readonly [Pick<Eureka, "apps">, string])[]): () => readonly string[] {
  const away = new Set<string>();
  const timer = setInterval(() => {
    for (const [server, path] of pairs) {
      const [app = "", id = ""] = path.split("/");
      findInstance(server, app, id).then(
        (shown) => shown ?? away.add(`${path} at ${server.apps}`),
        () => undefined,
      );
    }
  }, 250);
  t.after(() => clearInterval(timer));
  return () => {
    clearInterval(timer);
    return [...away];
  };
}

const VOLATILE = ["leaseInfo", "lastUpdatedTimestamp", "actionType"];
const steady = (shown: Shown | undefined) =>
  Object.fromEntries(
    Object.entries(shown ?? {})
      .filter(([key]) => !VOLATILE.includes(key))
      .sort(),
  );

async function override(server: Pick<Eureka, "apps">, path: string, method: string, value: string): Promise<void> {
  const answer = await request(`${server.apps}/${path}/status?value=${value}`, { method });
  assert.equal(answer.status, 200, answer.text);
}

async function putNative({ rollcall }: Eureka, id: string, more: object = {}): Promise<void> {
  const url = `${rollcall.url}/v2/default/services/billing/instances/${id}`;
  const answer = await request(url, { method: "PUT", body: { address: "10.9.8.7", port: 9000, ...more } });
  assert.equal(answer.status, 201, answer.text);
}

test("a running Eureka server is joined, relieved and switched off, and nothing goes missing", {
  skip,
  timeout: 120_000,
}, async (t) => {
  const port = await freePort();
  const old = await startServer(t, await freePort(), port, false);
  const metadata = { zone: "eu-1", "management.port": "8081" };
  await register(old, "api", "api:1", { ...LEASE, metadata });
  await register(old, "api", "api:2", LEASE);
  await override(old, "API/api:2", "PUT", "OUT_OF_SERVICE");
  let home: Pick<Eureka, "apps"> = old;
  keepBeating(t, () => home, ["API/api:1", "API/api:2"]);

  const rollcall = await startNode(t, [old.url], { port });
  // Until now its peer was out of reach.
  const from = old.program.lines.length;
  assert.deepEqual((await fetchAll(rollcall)).ids, ["API/api:1", "API/api:2"]);
  assert.deepEqual(
    steady(await findInstance(rollcall, "API", "api:1")),
    steady(await findInstance(old, "API", "api:1")),
  );
  assert.equal((await findInstance(rollcall, "API", "api:2"))?.overriddenStatus, "OUT_OF_SERVICE");
  const away = watch(t, [
    [old, "API/api:1"],
    [rollcall, "API/api:1"],
    [rollcall, "API/api:2"],
  ]);
  await speakBothWays(t, old, rollcall);

  home = rollcall;
  await new Promise((resolve) => setTimeout(resolve, 7000));
  assert.deepEqual(away(), []);
  assert.deepEqual(complaints(old, from), []);
  await old.program.kill("SIGTERM");
  const later = watch(t, [
    [rollcall, "API/api:1"],
    [rollcall, "API/api:2"],
    [rollcall, "BILLING/kept"],
  ]);
  await new Promise((resolve) => setTimeout(resolve, 5000));
  assert.deepEqual(later(), []);
});

/** Everything that can happen to an instance, at one side and at the other. */
async function speakBothWays(t: TestContext, old: Server, rollcall: Eureka): Promise<void> {
  await putNative(rollcall, "kept");
  await register(rollcall, "web", "web:1", LEASE);
  await register(old, "job", "job:1", LEASE);
  keepBeating(t, () => rollcall, ["WEB/web:1"]);
  keepBeating(t, () => old, ["JOB/job:1"]);
  const [web] = await Promise.all([untilShown(old, "WEB", "web:1"), untilShown(rollcall, "JOB", "job:1")]);
  assert.deepEqual(steady(web), steady(await findInstance(rollcall, "WEB", "web:1")));
  const kept = await untilShown(old, "BILLING", "kept");
  assert.deepEqual([kept.ipAddr, kept.port.$, kept.status], ["10.9.8.7", 9000, "UP"]);

  await override(rollcall, "WEB/web:1", "PUT", "OUT_OF_SERVICE");
  await override(old, "JOB/job:1", "PUT", "OUT_OF_SERVICE");
  const isOut = (shown: Shown) => shown.status === "OUT_OF_SERVICE" && shown.overriddenStatus === "OUT_OF_SERVICE";
  await Promise.all([untilShown(old, "WEB", "web:1", isOut), untilShown(rollcall, "JOB", "job:1", isOut)]);
  await override(rollcall, "WEB/web:1", "DELETE", "UP");
  await override(old, "JOB/job:1", "DELETE", "UP");
  const isUp = (shown: Shown) => shown.status === "UP" && shown.overriddenStatus === "UNKNOWN";
  await Promise.all([untilShown(old, "WEB", "web:1", isUp), untilShown(rollcall, "JOB", "job:1", isUp)]);

  assert.equal((await request(`${old.apps}/JOB/job:1/metadata?a=b`, { method: "PUT" })).status, 200);
  await untilShown(rollcall, "JOB", "job:1", (shown) => shown.metadata.a === "b");
  assert.equal((await cancel(rollcall, "WEB", "web:1")).status, 200);
  assert.equal((await cancel(old, "JOB", "job:1")).status, 200);
  await Promise.all([untilGone(old, "WEB", "web:1"), untilGone(rollcall, "JOB", "job:1")]);
}

test("a Eureka server that starts after Rollcall takes over what is here, and peers with it as its client, too", {
  skip,
  timeout: 120_000,
}, async (t) => {
  const [port, oldPort] = [await freePort(), await freePort()];
  const rollcall = await startNode(t, [`http://127.0.0.1:${oldPort}/eureka/`], { port });
  await register(rollcall, "api", "api:1", LEASE);
  await putNative(rollcall, "kept", { tags: ["blue"] });
  keepBeating(t, () => rollcall, ["API/api:1"]);

  const old = await startServer(t, oldPort, port, true);
  await Promise.all([untilShown(old, "API", "api:1"), untilShown(old, "BILLING", "kept")]);
  const got = await waitForLine(old.program, /Got (\d+) instances from neighboring DS node/, 5000);
  assert.ok(Number(got[1]) >= 2, got[0]);
  const self = await until(
    async () => [...(await fetchAll(rollcall)).instances.values()].find((one) => one.app === "OLD-EUREKA"),
    { what: "the server to register itself here" },
  );
  assert.equal(self.hostName, "old.test");

  await register(old, "late", "late:1", LEASE);
  await untilShown(rollcall, "LATE", "late:1");
  await untilGone(rollcall, "LATE", "late:1", 10_000);
  assert.deepEqual(complaints(old), []);
  await old.program.kill("SIGTERM");
  await untilGone(rollcall, "OLD-EUREKA", self.instanceId);
  assert.deepEqual((await fetchAll(rollcall)).ids, ["API/api:1", "BILLING/kept"]);
});
