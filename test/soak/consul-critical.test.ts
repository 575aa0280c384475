/** Consul's `DeregisterCriticalServiceAfter`, a minute at least, with checks that the registry runs itself. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startConsul } from "../consul/rig.ts";
import { until } from "../harness/scope.ts";

const AFTER_MS = 60_000;
/** How often it is looked for. */
const EVERY_MS = 10_000;

test("a service goes when its check by HTTP has been critical for long enough, and not when it recovers", async () => {
  const well = { first: false, second: false };
  const server = createServer(({ url }, response) => {
    const isWell = url === "/first" ? well.first : well.second;
    response.writeHead(isWell ? 200 : 503).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const consul = await startConsul({ after });
  for (const name of ["first", "second", "kept"]) {
    const critical = name === "kept" ? {} : { DeregisterCriticalServiceAfter: "1s" };
    const check = { HTTP: `http://127.0.0.1:${port}/${name}`, Interval: "1s", ...critical };
    assert.equal((await consul.put("/agent/service/register", { Name: name, Port: port, Check: check })).status, 200);
  }
  const there = async (): Promise<string> =>
    Object.keys((await consul.get("/agent/services")).json())
      .sort()
      .join();
  const outputs = async (): Promise<boolean> =>
    Object.values<{ Output: string }>((await consul.get("/agent/checks")).json()).every(({ Output }) => Output !== "");
  await until(outputs);
  const fromMs = performance.now();
  await sleep(AFTER_MS / 2);
  well.second = true;
  await until(async () => (await consul.get("/health/checks/second")).json()[0].Status === "passing");
  assert.equal(await there(), "first,kept,second");
  await until(async () => (await there()) === "kept,second", { timeoutMs: AFTER_MS + 3 * EVERY_MS, intervalMs: 100 });
  const tookMs = performance.now() - fromMs;
  assert.ok(tookMs > AFTER_MS - 2000 && tookMs < AFTER_MS + 3 * EVERY_MS, `${tookMs} ms`);
});
