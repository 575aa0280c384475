/** Debian's HAProxy finds services that came through Consul's API, by Consul's names in DNS. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { requirePackage } from "../harness/packages.ts";
import { until } from "../harness/scope.ts";
import { countAnswers, startBackend, startHaproxy } from "../peers-rig.ts";
import { startConsul } from "./rig.ts";

const haproxy = requirePackage("haproxy", "haproxy");

test("HAProxy sends traffic to what Consul's API says is healthy", { skip: haproxy.skip }, async (t) => {
  const [one, two] = [await startBackend(t, "one"), await startBackend(t, "two")];
  const config = { dialectSettings: { consul: {}, dns: { ttlS: 0, negativeTtlS: 0 } } };
  const consul = await startConsul(t, { dialects: "http,consul,dns", config });
  const register = (id: string, Port: number, Passing: number) =>
    consul.put("/agent/service/register", {
      Name: "web",
      ID: id,
      Port,
      Address: "127.0.0.1",
      Tags: ["blue"],
      Weights: { Passing, Warning: 1 },
      Check: { TTL: "1h", Status: "passing" },
    });
  await register("w1", one, 3);
  await register("w2", two, 1);
  const example = `resolvers consul
    nameserver rollcall 127.0.0.1:${consul.rollcall.port("dns")}
    accepted_payload_size 8192
    timeout resolve 100ms
    hold nx 100ms
    hold other 100ms

backend web
    balance roundrobin
    server-template web 4 _web._blue.service.consul resolvers consul resolve-prefer ipv4 init-addr none
`;
  const peer = await startHaproxy(t, haproxy.path, "web", example);
  const has = (...ports: readonly number[]) =>
    until(
      async () =>
        (await peer.servers("web"))
          .map(({ port }) => port)
          .sort()
          .join() === [...ports].sort().join(),
    );
  await has(one, two);
  assert.deepEqual(await countAnswers(peer.url, 8), { one: 6, two: 2 });
  await consul.put("/agent/check/fail/service:w1");
  await has(two);
  assert.deepEqual(await countAnswers(peer.url, 2), { two: 2 });
  await consul.put("/agent/service/deregister/w2");
  await has();
});
