/** Which checks are run, and what is told of them: in this process, with names that lead where the test says. */
import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { after, test } from "node:test";
import { Checks } from "../../packages/registry/src/checks/checks.ts";
import { CHECK_PLANS } from "../../packages/registry/src/checks/plans.ts";
import type { Check } from "../../packages/registry/src/core/index.ts";
import { readPlaces } from "../../packages/registry/src/net/hosts/places.ts";
import { createNode } from "../harness/duty.ts";
import { accepted, instanceOf, openRig, type Rig } from "../harness/registry.ts";
import { until } from "../harness/scope.ts";

const NAMES: Readonly<Record<string, readonly string[]>> = {
  "metadata.example": ["169.254.169.254"],
  "mapped.example": ["::ffff:169.254.169.254"],
  "both.example": ["169.254.169.254", "127.0.0.1"],
  "web.example": ["127.0.0.1"],
};

let accepts = 0;
const server = createServer((socket) => {
  accepts++;
  socket.on("error", () => {}).destroy();
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
after(() => void server.close());
const { port } = server.address() as AddressInfo;

function open(rig: Rig, isOnDuty = true) {
  const places = readPlaces("loopback,instance");
  assert.ok(places.ok);
  const node = createNode(isOnDuty);
  const checks = new Checks({
    ...{ registry: rig.registry, nodes: node, clock: rig.clock, parallelMax: 16, caFile: undefined },
    log: { warn: () => {}, debug: () => {} },
    places: places.value,
    lookup: async (host) => NAMES[host] ?? [],
  });
  after(() => checks.close());
  return { checks, node };
}

function checkOf(id: string, target: string, more: Partial<Check> = {}): Check {
  return {
    ...{ id, kind: "tcp", name: id, target, intervalMs: 1000, timeoutMs: 1000, status: "unknown", output: "" },
    ...{ reportedAtMs: 0, ...more },
  };
}

function find(rig: Rig, id: string): readonly Check[] {
  return rig.registry.read((view) => view.instance("default", "web", id)?.checks ?? []);
}

/** Time goes on while it is waited. */
function passing<T>(rig: Rig, condition: () => T) {
  return until(() => {
    rig.pause(50);
    return condition();
  });
}

async function register(rig: Rig, id: string, checks: readonly Check[], more = {}): Promise<void> {
  const instance = instanceOf("web", id, { address: "127.0.0.1", ports: { default: port }, checks, ...more });
  accepted(await rig.registry.propose("default", { kind: "register", instance, life: "permanent" }));
}

test("a name that leads to an address that checks never go to is not connected to", async () => {
  const rig = await openRig();
  open(rig);
  const ids = Object.keys(NAMES);
  await register(
    rig,
    "a",
    ids.map((name) => checkOf(name, `${name}:${port}`)),
  );
  await passing(rig, () => find(rig, "a").every(({ reportedAtMs }) => reportedAtMs > 0));
  const found = Object.fromEntries(find(rig, "a").map(({ id, status, output }) => [id, `${status} ${output}`]));
  assert.match(found["metadata.example"] as string, /^critical not allowed: metadata\.example: checks never go to/);
  assert.match(found["mapped.example"] as string, /^critical not allowed/);
  assert.match(found["web.example"] as string, /^passing/);
  // Of several addresses, one that is allowed.
  assert.match(found["both.example"] as string, /^passing/);
});

test("one node runs each check; another one takes over with what is known", async () => {
  const rig = await openRig();
  const [one, other] = [open(rig, true), open(rig, false)];
  await register(rig, "b", [checkOf("c", "")]);
  await passing(rig, () => find(rig, "b")[0]?.status === "passing");
  await passing(rig, () => one.checks.numbers.begun >= 2);
  assert.equal(other.checks.numbers.begun, 0);
  assert.equal(other.checks.seen("default", { service: "web", id: "b" }, "c"), undefined);
  one.node.leave();
  other.node.take();
  const begun = one.checks.numbers.begun;
  const { revision } = rig.core.numbers();
  await passing(rig, () => other.checks.numbers.verdicts.passing >= 2);
  assert.equal(one.checks.numbers.begun, begun);
  assert.equal(rig.core.numbers().revision, revision, "what is known is no commit");
});

test("a check that is changed is another one; one that goes, or moves, is not run any more", async () => {
  const rig = await openRig();
  const { checks } = open(rig);
  await register(rig, "c", [checkOf("one", ""), checkOf("two", "")]);
  await passing(rig, () => find(rig, "c").every(({ status }) => status === "passing"));
  assert.equal(checks.numbers.tasks, 2);
  await register(rig, "c", [checkOf("one", ":1", { status: "passing", reportedAtMs: 1 })]);
  assert.equal(checks.numbers.tasks, 1);
  await passing(rig, () => find(rig, "c")[0]?.status === "critical");
  const instance = instanceOf("web2", "c", {
    address: "127.0.0.1",
    ports: { default: port },
    checks: [checkOf("one", "")],
  });
  const replaces = { service: "web", id: "c" };
  accepted(await rig.registry.propose("default", { kind: "register", instance, life: "permanent", replaces }));
  assert.equal(checks.numbers.tasks, 1);
  assert.equal(checks.seen("default", replaces, "one"), undefined);
  accepted(await rig.registry.propose("default", { kind: "deregister", instance: { service: "web2", id: "c" } }));
  assert.equal(checks.numbers.tasks, 0);
  const before = accepts;
  for (let i = 0; i < 40; i++) rig.pause(50);
  assert.equal(accepts, before);
});

test("the node on duty keeps the time of reports, at whichever node they come in", async () => {
  const rig = await openRig({ plans: CHECK_PLANS });
  const [one, other] = [open(rig, false), open(rig, true)];
  await register(rig, "t", [checkOf("job", "", { kind: "ttl", intervalMs: 2000 })]);
  await until(() => rig.registry.read((view) => view.lease("default", "check/web/t/job")));
  const report = async (): Promise<void> => {
    const said = await one.checks.report("default", { service: "web", id: "t" }, "job", "passing", "");
    assert.equal(said?.ok, true);
  };
  await report();
  const { revision } = rig.core.numbers();
  for (let i = 0; i < 4; i++) {
    await rig.pass(1000);
    await report();
  }
  assert.equal(rig.core.numbers().revision, revision, "the same report again is no commit");
  other.node.leave();
  await rig.pass(3000);
  assert.equal(find(rig, "t")[0]?.status, "passing", "nobody is on duty");
  one.node.take();
  await until(() => find(rig, "t")[0]?.status === "critical");
  assert.equal(find(rig, "t")[0]?.output, "TTL expired");
  await report();
  assert.equal(find(rig, "t")[0]?.status, "passing");
  accepted(await rig.registry.propose("default", { kind: "deregister", instance: { service: "web", id: "t" } }));
  await until(() => rig.registry.read((view) => view.lease("default", "check/web/t/job") === undefined));
});
