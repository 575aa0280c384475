/**
 * Envoy itself, as a package for Python brings it (`python/envoy`), follows the catalog by xDS in both forms: traffic goes
 * through it while instances come, drain, fall ill, die and fall silent, and while the registry is away.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, startGrpc } from "../grpc/rig.ts";
import { requirePackage } from "../harness/packages.ts";
import { freePort } from "../harness/ports.ts";
import { request } from "../harness/requests.ts";
import { type Scope, temporaryDirectory, until } from "../harness/scope.ts";
import { installProject } from "./python-rig.ts";

const envoy = await installProject("envoy", requirePackage("python3", "python3"));

const ADS = { ads: {}, resource_api_version: "V3" };
const FILTERS = "type.googleapis.com/envoy.extensions.filters";

/** A listener on this port, with routes of this kind. */
function listener(port: number, routes: object): object {
  const manager = {
    "@type": `${FILTERS}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "all",
    http_filters: [{ name: "router", typed_config: { "@type": `${FILTERS}.http.router.v3.Router` } }],
    ...routes,
  };
  return {
    address: { socket_address: { address: "127.0.0.1", port_value: port } },
    filter_chains: [{ filters: [{ name: "http", typed_config: manager }] }],
  };
}

/** By the header `service` to the cluster of that name, where a request may be tried again. */
function toAnyCluster(): object {
  const another = "envoy.retry_host_predicates.previous_hosts";
  const retry = {
    retry_on: "connect-failure,refused-stream,reset",
    num_retries: 5,
    retry_host_predicate: [
      {
        name: another,
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
        },
      },
    ],
    host_selection_retry_max_attempts: 10,
  };
  const route = { match: { prefix: "/" }, route: { cluster_header: "service", retry_policy: retry } };
  return { route_config: { virtual_hosts: [{ name: "all", domains: ["*"], routes: [route] }] } };
}

function bootstrap(xds: number, ports: { readonly any: number; readonly web: number }, form: string): object {
  const http2 = {
    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    explicit_http_config: { http2_protocol_options: {} },
  };
  const endpoint = { address: { socket_address: { address: "127.0.0.1", port_value: xds } } };
  const discovery = { api_type: form, transport_api_version: "V3", set_node_on_first_message_only: true };
  return {
    node: { id: "envoy", cluster: "edge", metadata: { rollcall_account: "default" } },
    dynamic_resources: {
      ads_config: { ...discovery, grpc_services: [{ envoy_grpc: { cluster_name: "registry" } }] },
      cds_config: ADS,
      lds_config: ADS,
    },
    static_resources: {
      listeners: [
        listener(ports.any, toAnyCluster()),
        listener(ports.web, { rds: { route_config_name: "web", config_source: ADS } }),
      ],
      clusters: [
        {
          name: "registry",
          type: "STATIC",
          typed_extension_protocol_options: { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2 },
          load_assignment: { cluster_name: "registry", endpoints: [{ lb_endpoints: [{ endpoint }] }] },
        },
      ],
    },
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } },
  };
}

interface Proxy {
  /** Asks a service; who answered, or the status. */
  ask(service: string): Promise<string>;
  /** The same by the route that the registry tells, which leads to `web`. */
  askWeb(): Promise<string>;
}

async function startEnvoy(t: TestContext, xds: number, form: string): Promise<Proxy> {
  const ports = { any: await freePort(), web: await freePort() };
  const file = join(temporaryDirectory(t, "envoy"), "envoy.json");
  writeFileSync(file, JSON.stringify(bootstrap(xds, ports, form)));
  const flags = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"];
  envoy.start(t, ["-c", file, ...flags]);
  const ask = async (port: number, headers: Record<string, string>) => {
    const answer = await request(`http://127.0.0.1:${port}/`, { headers });
    return answer.status === 200 ? answer.text : String(answer.status);
  };
  return { ask: (service) => ask(ports.any, { service }), askWeb: () => ask(ports.web, {}) };
}

let backends = 0;

/** Answers with its name, on connections that stay. */
class Backend {
  /** Its own, so that nobody else listens there when it has died. */
  readonly address: string;
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    ({ address: this.address, port: this.port } = server.address() as AddressInfo);
  }

  static async start(scope: Scope, name: string): Promise<Backend> {
    const server = createServer((_incoming, response) => response.end(name));
    backends += 1;
    server.listen(0, `127.20.0.${backends}`);
    await once(server, "listening");
    const backend = new Backend(server);
    scope.after(() => backend.die());
    return backend;
  }

  die(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

const PAUSE_MS = 2;

/** Asks for as long as it is let, one request after the other; what is not 200 is kept. */
class Traffic {
  readonly #ask: () => Promise<string>;
  #isOver = false;
  readonly #done: Promise<void>;
  asked = 0;
  readonly failed: string[] = [];

  constructor(ask: () => Promise<string>) {
    this.#ask = ask;
    this.#done = this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const answer = await this.#ask();
      await sleep(PAUSE_MS);
      this.asked += 1;
      if (/^\d+$/.test(answer)) this.failed.push(answer);
    }
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#done;
  }
}

async function whoAnswers(ask: () => Promise<string>, times = 30): Promise<string[]> {
  const seen = new Set<string>();
  for (let asked = 0; asked < times; asked++) seen.add(await ask());
  return [...seen].sort();
}

/** All of a service fall silent at once: they are held, and go on to be called. */
async function checkHeld(t: TestContext, client: Client, proxy: Proxy): Promise<void> {
  const names = ["held0", "held1", "held2", "held3"];
  for (const id of names) {
    const { address, port } = await Backend.start(t, id);
    await client.ask("Catalog/Register", { service: "held", id, instance: { address, port, ttl: { seconds: 1 } } });
  }
  const answering = async (times?: number) => (await whoAnswers(() => proxy.ask("held"), times)).join();
  await until(async () => (await answering()) === names.join(), { what: "all to answer" });
  const isHeld = async () => {
    const { instances } = await client.ask("Catalog/Discover", { service: "held" });
    return instances.filter((one: { held: unknown }) => one.held !== null).length === names.length;
  };
  await until(isHeld, { what: "all to be held" });
  assert.equal(await answering(60), names.join());
}

for (const form of ["GRPC", "DELTA_GRPC"])
  test(`Envoy follows instances that come, drain and die (${form})`, {
    skip: envoy.skip,
    timeout: 300_000,
  }, async (t) => {
    const rollcall = await startGrpc(t, { config: { protection: { leasesMin: 3, windowMs: "10s" } } });
    const client = new Client(t, rollcall.port("grpc"));
    // Permanent, where nothing is said.
    const register = (service: string, id: string, { address, port }: Backend, seconds = 0) =>
      client.ask("Catalog/Register", { service, id, instance: { address, port, ttl: { seconds } } });
    const override = (id: string, status?: string) =>
      client.ask("Catalog/Override", { service: "web", id, ...(status !== undefined && { status }) });
    const [a, b, c] = await Promise.all(["a", "b", "c"].map((name) => Backend.start(t, name)));
    assert.ok(a !== undefined && b !== undefined && c !== undefined);
    await register("web", "a", a);
    const proxy = await startEnvoy(t, rollcall.port("grpc"), form);
    const askAny = () => proxy.ask("web");
    const answers = async (names: readonly string[]) => {
      for (const ask of [askAny, proxy.askWeb])
        await until(async () => (await whoAnswers(ask)).join() === names.join(), { what: `${names} to answer` });
    };
    await answers(["a"]);
    const traffic = new Traffic(askAny);
    await register("web", "b", b);
    const beats = client.talk("Leases/KeepAlive");
    const { lease } = await register("web", "c", c, 2);
    beats.call.write({ leases: [lease], hold: true });
    await answers(["a", "b", "c"]);
    // Most of them: where few are well Envoy falls back on those that are ill, and never on those that drain.
    for (const id of ["b", "c"]) await override(id, "draining");
    await answers(["a"]);
    assert.deepEqual(await whoAnswers(askAny, 100), ["a"]);
    for (const id of ["b", "c"]) await override(id);
    await answers(["a", "b", "c"]);
    await override("b", "critical");
    await answers(["a", "c"]);
    // When all are ill the cluster is not empty: Envoy falls back on all of them.
    for (const id of ["a", "c"]) await override(id, "critical");
    await answers(["a", "b", "c"]);
    for (const id of ["a", "c"]) await override(id);
    await answers(["a", "c"]);
    await override("b");
    await answers(["a", "b", "c"]);
    c.die();
    beats.call.end();
    await answers(["a", "b"]);
    await traffic.end();
    t.diagnostic(`${traffic.asked} requests, ${traffic.failed.length} failed`);
    assert.deepEqual(traffic.failed, []);
    await checkHeld(t, client, proxy);
    // Without the registry it goes on with what it knows, and hears the rest when it is back.
    await rollcall.kill();
    const away = new Traffic(askAny);
    await until(() => away.asked > 100, { what: "traffic without the registry" });
    await rollcall.restart();
    const d = await Backend.start(t, "d");
    await register("web", "d", d);
    await answers(["a", "b", "d"]);
    await away.end();
    assert.deepEqual(away.failed, []);
    for (const id of ["a", "b", "d"]) await client.ask("Catalog/Deregister", { service: "web", id });
    await until(async () => /^(404|503)$/.test(await askAny()), { what: "no instance to be left" });
  });
