/** Containers as Docker describes them, read as Registrator and skydock do. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DockerConfig } from "../config.ts";
import { type Container, servicesOf } from "./containers.ts";

const CONFIG: DockerConfig = {
  ...{ socketPath: "/d", ports: "published", naming: "registrator", explicit: false, hostAddress: "10.0.0.9" },
  ...{ hostName: "box", environment: "production", ttlMs: 30_000, tags: [] },
};

function container(env: readonly string[], more: Partial<Container> = {}): Container {
  return {
    ...{ Id: "0123456789abcdef", Name: "/redis-1", State: { Running: true } },
    Config: { Image: "registry:5000/team/redis:7@sha256:00", Env: env, Labels: {}, ExposedPorts: { "6379/tcp": {} } },
    NetworkSettings: { IPAddress: "172.17.0.2", Ports: { "6379/tcp": [{ HostIp: "0.0.0.0", HostPort: "32768" }] } },
    ...more,
  };
}

const TWO = {
  IPAddress: "172.17.0.2",
  Ports: { "80/tcp": [{ HostIp: "10.0.0.8", HostPort: "8080" }], "53/udp": [{ HostPort: "5353" }], "9/tcp": null },
};

test("a container without a word is its image's service, at the port of this machine", () => {
  const [one, ...more] = servicesOf(container([]), CONFIG);
  assert.deepEqual(more, []);
  assert.deepEqual(
    [one?.service, one?.id, one?.address, one?.port, one?.status, one?.failing],
    ["redis", "box:redis-1:6379", "10.0.0.9", 32_768, "passing", "mark"],
  );
  const [inside] = servicesOf(container([]), { ...CONFIG, ports: "internal" });
  assert.deepEqual([inside?.address, inside?.port], ["172.17.0.2", 6379]);
});

test("of several ports each is a service of its own, unless its name is said", () => {
  const found = servicesOf(
    container(
      ["SERVICE_NAME=web", "SERVICE_53_NAME=names", "SERVICE_TAGS=a,b", "SERVICE_53_TAGS=c", "SERVICE_REGION=x"],
      {
        NetworkSettings: TWO,
      },
    ),
    CONFIG,
  );
  assert.deepEqual(
    found.map(({ service, id, address, port, tags, meta }) => [service, id, `${address}:${port}`, tags.join(), meta]),
    [
      ["web-80", "box:redis-1:80", "10.0.0.8:8080", "a,b", { region: "x" }],
      ["names", "box:redis-1:53:udp", "10.0.0.9:5353", "c,udp", { region: "x" }],
    ],
  );
});

test("labels go over variables, and one may be ignored, named, and asked to be explicit", () => {
  const labels = {
    Config: { ...container([]).Config, Env: ["SERVICE_NAME=a", "SERVICE_ID=b"], Labels: { SERVICE_NAME: "c" } },
  };
  const [one] = servicesOf(container([], labels), CONFIG);
  assert.deepEqual([one?.service, one?.id], ["c", "b"]);
  assert.deepEqual(servicesOf(container(["SERVICE_IGNORE=1"]), CONFIG), []);
  assert.deepEqual(servicesOf(container(["SERVICE_6379_IGNORE=1"]), CONFIG), []);
  assert.deepEqual(servicesOf(container([]), { ...CONFIG, explicit: true }), []);
  assert.equal(servicesOf(container(["SERVICE_NAME=a"]), { ...CONFIG, explicit: true }).length, 1);
});

test("checks that are asked for, and none of what makes no sense", () => {
  const env = [
    "SERVICE_CHECK_HTTP=/up",
    "SERVICE_CHECK_INTERVAL=15s",
    "SERVICE_CHECK_TIMEOUT=1s",
    "SERVICE_CHECK_SCRIPT=rm",
  ];
  const [one] = servicesOf(container(env), CONFIG);
  assert.deepEqual(
    one?.checks.map(({ kind, target, intervalMs, timeoutMs }) => [kind, target, intervalMs, timeoutMs]),
    [["http", "http://10.0.0.9:32768/up", 15_000, 1000]],
  );
  const [odd] = servicesOf(container(["SERVICE_CHECK_TCP=true", "SERVICE_CHECK_INTERVAL=soon"]), CONFIG);
  assert.deepEqual(odd?.checks, []);
});

test("what Docker itself found out", () => {
  const statusOf = (State: Container["State"]) =>
    servicesOf(container([], { State: State as object }), CONFIG)[0]?.status;
  assert.equal(statusOf({ Running: true, Health: { Status: "starting" } }), "starting");
  assert.equal(statusOf({ Running: true, Health: { Status: "unhealthy" } }), "critical");
  assert.equal(statusOf({ Running: true, Paused: true }), "critical");
  assert.equal(statusOf({ Running: false }), undefined);
});

test("skydock's names: the image is the service, the container its version", () => {
  const [one] = servicesOf(container([]), { ...CONFIG, naming: "skydock", environment: "dev" });
  assert.deepEqual(
    [one?.service, one?.id, one?.version, one?.address, one?.port, one?.zone, one?.meta],
    ["redis", "0123456789ab", "redis-1", "172.17.0.2", 6379, "box", { "skydns.environment": "dev" }],
  );
});

test("descriptions with nothing in them are no services", () => {
  for (const odd of [{}, { State: { Running: true } }, { State: { Running: true }, NetworkSettings: { Ports: null } }])
    assert.deepEqual(servicesOf(odd, CONFIG), []);
});
