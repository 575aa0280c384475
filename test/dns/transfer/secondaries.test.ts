/** Real secondaries: each takes the zone by AXFR, is told of changes by NOTIFY, and takes them by IXFR. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { freePort } from "../../harness/ports.ts";
import { until } from "../../harness/scope.ts";
import { type DnsRig, startDns } from "../rig.ts";
import {
  DIG,
  dig,
  digZone,
  KEYS,
  KNOT,
  NAMED,
  NSD,
  PDNS,
  PDNSUTIL,
  type Secondary,
  showKey,
  startKeyed,
  startKnotSecondary,
  startNamedSecondary,
  startNsdSecondary,
  startPdnsSecondary,
  startUnboundSecondary,
  UNBOUND,
} from "../transfer-rig.ts";

/** Only NOTIFY can be so fast: the zone's refresh is a minute. */
const SOON = { intervalMs: 50 };

interface Kind {
  readonly name: string;
  readonly skip: false | string;
  /** Whether the transfers are signed; then no network is let in. */
  readonly signed: boolean;
  /** It takes no increments unless it is told to. */
  readonly takesWhole?: true;
  start(t: TestContext, primary: number, port: number): Promise<Secondary>;
}

const KINDS: readonly Kind[] = [
  {
    name: "BIND",
    skip: NAMED.skip || DIG.skip,
    signed: true,
    start: (t, primary, port) => startNamedSecondary(t, primary, { port, key: KEYS.transfer }),
  },
  {
    name: "Unbound",
    skip: UNBOUND.skip || DIG.skip,
    signed: false,
    start: (t, primary, port) => startUnboundSecondary(t, primary, { port }),
  },
  {
    name: "NSD",
    skip: NSD.skip || DIG.skip,
    signed: true,
    start: (t, primary, port) => startNsdSecondary(t, primary, { port, key: KEYS.strong }),
  },
  {
    name: "Knot DNS",
    skip: KNOT.skip || DIG.skip,
    signed: true,
    start: (t, primary, port) => startKnotSecondary(t, primary, { port, key: KEYS.strong }),
  },
  {
    name: "PowerDNS",
    skip: PDNS.skip || PDNSUTIL.skip || DIG.skip,
    signed: true,
    takesWhole: true,
    start: (t, primary, port) => startPdnsSecondary(t, primary, { port, key: KEYS.transfer }),
  },
];

// They mostly wait, for a second to pass between two messages of NOTIFY.
describe("real secondaries", { concurrency: 5 }, () => {
  for (const kind of KINDS)
    test(`${kind.name} follows a zone`, { skip: kind.skip }, async (t) => {
      const port = await freePort();
      const rig = await startPrimary(t, kind, port);
      for (const id of ["a1", "a2", "a3"])
        await rig.register("api", id, { address: `10.0.0.${id.slice(1)}`, port: 80, tags: ["blue"], meta: { k: id } });
      // So much that increments are less.
      for (let i = 0; i < 10; i++) await rig.register("bulk", `b${i}`, { address: `10.0.1.${i}`, port: 80 });
      await rig.register("other one", "x y", { address: "2001:db8::1", port: 81 });
      const secondary = await kind.start(t, rig.port, port);
      await follows(rig, secondary, kind, ["10.0.0.1", "10.0.0.2", "10.0.0.3"]);

      await rig.register("api", "a4", { address: "10.0.0.4", port: 80 });
      await follows(rig, secondary, kind, ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"]);

      // Several changes at once, of which some take back others.
      await rig.deregister("api", "a1");
      await rig.register("api", "a2", { address: "10.0.0.2", port: 8080, meta: { k: "other" } });
      await rig.deregister("other one", "x y");
      await rig.register("new", "n1", { address: "10.0.0.1", port: 80 });
      await rig.deregister("new", "n1");
      await follows(rig, secondary, kind, ["10.0.0.2", "10.0.0.3", "10.0.0.4"]);
      if (kind.takesWhole) return;
      // Its own questions were for increments from its serials on, and that is what it got.
      const forms = rig.rollcall.logs.flatMap(({ msg, from, form }) =>
        msg === "transfer" && from !== undefined ? [form] : [],
      );
      assert.ok(forms.length >= 2 && forms.every((form) => form === "increments"), `the answers were ${forms.join()}`);
    });
});

function startPrimary(t: TestContext, kind: Kind, port: number): Promise<DnsRig> {
  const notify = [`127.0.0.1:${port}`];
  const flags = ["--log-level", "debug"];
  if (kind.signed) return startKeyed(t, { notify }, flags);
  return startDns(t, { settings: { notify, allowTransfer: "127.0.0.1" }, flags });
}

/** The secondary has these addresses, and all else that the primary has. */
async function follows(rig: DnsRig, secondary: Secondary, kind: Kind, addresses: readonly string[]): Promise<void> {
  const shown = async (): Promise<boolean> => {
    const lines = await dig(secondary.port, "api.rollcall", "A");
    return (
      lines
        .map((line) => line.split(" ").at(-1))
        .sort()
        .join() === addresses.join()
    );
  };
  await until(shown, { ...SOON, what: `${kind.name} to have ${addresses.join()}` });
  const [own] = await dig(rig.port, "rollcall", "SOA");
  await until(async () => (await dig(secondary.port, "rollcall", "SOA"))[0] === own, { ...SOON, what: "its SOA" });
  if (!kind.signed) {
    for (const [name, type] of [
      ["_api._tcp.rollcall", "SRV"],
      ["_services._dns-sd._udp.rollcall", "PTR"],
    ] as const)
      assert.deepEqual((await dig(secondary.port, name, type)).sort(), (await dig(rig.port, name, type)).sort());
    return;
  }
  const whole = await digZone(rig.port, "rollcall", "-y", showKey(KEYS.transfer));
  assert.deepEqual(await digZone(secondary.port, "rollcall"), whole);
}

test("a secondary without the key is refused", { skip: NAMED.skip || DIG.skip }, async (t) => {
  const port = await freePort();
  const rig = await startKeyed(t, { notify: `127.0.0.1:${port}` });
  await rig.register("api", "a1", { address: "10.0.0.1", port: 80 });
  const secondary = await startNamedSecondary(t, rig.port, { port });
  await until(() => /failed while receiving responses: REFUSED/.test(secondary.output()), SOON);
  assert.deepEqual(await dig(port, "api.rollcall", "A"), []);
});
