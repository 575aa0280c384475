/** NOTIFY signed by TSIG (RFC 8945), to real secondaries that take no other. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { freePort } from "../../harness/ports.ts";
import { until } from "../../harness/scope.ts";
import type { DnsRig } from "../rig.ts";
import {
  DIG,
  dig,
  KEYS,
  KNOT,
  NAMED,
  NSD,
  type Secondary,
  startKeyed,
  startKnotSecondary,
  startNamedSecondary,
  startNsdSecondary,
} from "../transfer-rig.ts";

/** Only NOTIFY can be so fast: the zone's refresh is a minute. */
const SOON = { intervalMs: 50 };
const KEY = KEYS.transfer;

interface Kind {
  readonly name: string;
  readonly skip: false | string;
  /** Where the primary listens. */
  readonly host: string;
  /** What it prints when it takes no NOTIFY, and its answer. */
  readonly refusal: RegExp;
  readonly rcode: number;
  start(t: TestContext, primary: number, port: number): Promise<Secondary>;
}

const KINDS: readonly Kind[] = [
  {
    name: "BIND",
    skip: NAMED.skip || DIG.skip,
    // From the primary's own address it would take NOTIFY without the key; what we send comes from 127.0.0.1.
    host: "::1",
    refusal: /refused notify from non-primary/,
    rcode: 5,
    start: (t, primary, port) => startNamedSecondary(t, primary, { port, key: KEY, notifyKey: true, host: "::1" }),
  },
  {
    name: "Knot DNS",
    skip: KNOT.skip || DIG.skip,
    host: "127.0.0.1",
    refusal: /ACL, denied, action notify/,
    rcode: 9,
    start: (t, primary, port) => startKnotSecondary(t, primary, { port, key: KEY, notifyKey: true }),
  },
  {
    name: "NSD",
    skip: NSD.skip || DIG.skip,
    host: "127.0.0.1",
    refusal: /notify for rollcall\. from 127\.0\.0\.1 refused/,
    rcode: 5,
    start: (t, primary, port) => startNsdSecondary(t, primary, { port, key: KEY, notifyKey: true }),
  },
];

// They mostly wait, for a second to pass between two messages of NOTIFY.
describe("secondaries that demand a key", { concurrency: 3 }, () => {
  for (const kind of KINDS) {
    test(`${kind.name} takes NOTIFY signed by it`, { skip: kind.skip }, async (t) => {
      const { rig, secondary } = await startBoth(t, kind, KEY.name);
      await rig.register("api", "a2", { address: "10.0.0.2", port: 80 });
      await until(async () => (await addressesAt(secondary)) === "10.0.0.1,10.0.0.2", SOON);
      await rig.deregister("api", "a1");
      await until(async () => (await addressesAt(secondary)) === "10.0.0.2", SOON);
      assert.ok(!kind.refusal.test(secondary.output()), secondary.output());
    });

    test(`${kind.name} takes none without it`, { skip: kind.skip }, async (t) => {
      const { rig, secondary } = await startBoth(t, kind, undefined);
      await rig.register("api", "a2", { address: "10.0.0.2", port: 80 });
      await until(() => kind.refusal.test(secondary.output()), SOON);
      const isRefused = (): boolean =>
        rig.rollcall.logs.some(({ msg, rcode }) => msg === "a secondary did not take NOTIFY" && rcode === kind.rcode);
      await until(isRefused, SOON);
      assert.equal(await addressesAt(secondary), "10.0.0.1");
    });

    test(`${kind.name} does not know another key, so it is told again`, { skip: kind.skip }, async (t) => {
      const { rig, secondary } = await startBoth(t, kind, KEYS.shop.name);
      await rig.register("api", "a2", { address: "10.0.0.2", port: 80 });
      // One message and its first repetition at least.
      await until(() => rig.rollcall.logs.filter(({ fault }) => fault === "BADKEY").length >= 2, SOON);
      assert.equal(await addressesAt(secondary), "10.0.0.1");
    });
  }
});

/** A primary that tells one secondary, which has the zone with one address. */
async function startBoth(
  t: TestContext,
  kind: Kind,
  key: string | undefined,
): Promise<{ readonly rig: DnsRig; readonly secondary: Secondary }> {
  const port = await freePort();
  const notify = [{ address: "127.0.0.1", port, ...(key && { key }) }];
  const rig = await startKeyed(t, { notify }, ["--log-level", "debug", "--host", kind.host]);
  await rig.register("api", "a1", { address: "10.0.0.1", port: 80 });
  const secondary = await kind.start(t, rig.port, port);
  await until(async () => (await addressesAt(secondary)) === "10.0.0.1");
  return { rig, secondary };
}

async function addressesAt(secondary: Secondary): Promise<string> {
  const lines = await dig(secondary.port, "api.rollcall", "A");
  return lines
    .map((line) => line.split(" ").at(-1))
    .sort()
    .join();
}
