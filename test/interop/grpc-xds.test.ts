/**
 * gRPC's own clients of xDS, that of Go (`go/grpc-xds`) and that of C++ which Python's grpcio has (`python/grpc-xds`), call
 * services by name while instances come, drain, fall ill, die and come back, and while the registry is away.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Echo, startEcho } from "../grpc/echo.ts";
import { Client, startGrpc } from "../grpc/rig.ts";
import { requirePackage } from "../harness/packages.ts";
import { until } from "../harness/scope.ts";
import { buildModule } from "./go-rig.ts";
import { drive } from "./programs-rig.ts";
import { installProject } from "./python-rig.ts";

const CLIENTS = [
  ["Go", await buildModule("grpc-xds", requirePackage("golang-go", "go"))],
  ["C++", await installProject("grpc-xds", requirePackage("python3", "python3"))],
] as const;

type Counts = Readonly<Record<string, number>>;

interface Rest {
  readonly zone?: string;
  readonly weight?: number;
  readonly seconds?: number;
}

class World {
  readonly client: Client;
  readonly ask: (times?: number) => Promise<Counts>;

  constructor(client: Client, ask: (times?: number) => Promise<Counts>) {
    this.client = client;
    this.ask = ask;
  }

  /** Permanent, where nothing is said. */
  register(id: string, { port }: Echo, { zone = "", weight = 100, seconds = 0 }: Rest = {}) {
    const instance = { address: "127.0.0.1", port, protocol: "grpc", zone, weight, ttl: { seconds } };
    return this.client.ask("Catalog/Register", { service: "echo", id, instance });
  }

  override(id: string, status?: string) {
    const said = status === undefined ? {} : { status };
    return this.client.ask("Catalog/Override", { service: "echo", id, ...said });
  }

  async answers(...names: readonly string[]): Promise<void> {
    await until(
      async () =>
        Object.keys(await this.ask())
          .sort()
          .join() === names.join(),
      {
        what: `${names} to answer`,
      },
    );
  }
}

/** Zones by their weights; what is ill or drains gets nothing, be it all of a zone. */
async function checkShares(world: World): Promise<void> {
  await world.override("three", "critical");
  await world.answers("one", "two");
  const counts = await world.ask(200);
  const share = (counts.one ?? 0) / 200;
  assert.ok(share > 0.6 && share < 0.9, JSON.stringify(counts));
  await world.override("three");
  await world.override("one", "draining");
  await world.answers("three", "two");
  await world.override("one");
  await world.answers("one", "three", "two");
}

for (const [language, program] of CLIENTS)
  test(`gRPC's client of xDS in ${language} follows instances that come, drain and die`, {
    skip: program.skip,
    timeout: 300_000,
  }, async (t: TestContext) => {
    const rollcall = await startGrpc(t);
    const { tell } = await drive(program.start(t, [String(rollcall.port("grpc"))]));
    const world = new World(new Client(t, rollcall.port("grpc")), (times = 20) =>
      tell("ask", { service: "echo", times: String(times) }),
    );
    // Nobody is there, and that is said.
    assert.deepEqual(await world.ask(1), { failed: 1 });
    const [one, two, three] = [await startEcho(t, "one"), await startEcho(t, "two"), await startEcho(t, "three")];
    await world.register("one", one, { zone: "a", weight: 300 });
    await world.answers("one");
    await tell("begin", { service: "echo" });
    await world.register("two", two, { zone: "b" });
    await world.register("three", three, { zone: "c" });
    await world.answers("one", "three", "two");
    await checkShares(world);
    const { asked, failed } = await tell("end");
    t.diagnostic(`${asked} calls, ${failed.length} failed`);
    assert.deepEqual(failed, []);
    // One dies: its lease ends soon after.
    await world.register("three", three, { zone: "c", seconds: 1 });
    three.die();
    await world.answers("one", "two");
    for (const id of ["one", "two"]) await world.client.ask("Catalog/Deregister", { service: "echo", id });
    await world.answers("failed");
    await world.register("one", one);
    await world.answers("one");
    // Without the registry it goes on with what it knows, and hears the rest when it is back.
    await rollcall.kill();
    assert.deepEqual(await world.ask(50), { one: 50 });
    await rollcall.restart();
    await world.register("two", two);
    await world.answers("one", "two");
  });
