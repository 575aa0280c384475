/**
 * go-nsq, `go/nsq-client`, finds brokers through the registry alone. The programs of NSQ are in no registry of packages:
 * where ROLLCALL_NSQ names a folder with nsqd, nsqadmin and nsqlookupd, they run with it, too.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { requirePackage } from "../harness/packages.ts";
import { freePort } from "../harness/ports.ts";
import { request } from "../harness/requests.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { startBroker } from "../nsqlookupd/broker.ts";
import { type Lookupd, lookUp, startLookupd } from "../nsqlookupd/rig.ts";
import { buildModule } from "./go-rig.ts";
import { startShown, waitForLine } from "./programs-rig.ts";

const consumer = await buildModule("nsq-client", requirePackage("golang-go", "go"));

const FOLDER = process.env.ROLLCALL_NSQ ?? "";
const NAMES = ["nsqd", "nsqadmin", "nsqlookupd"];
const skip =
  consumer.skip ||
  (NAMES.every((name) => existsSync(join(FOLDER, name)))
    ? false
    : "ROLLCALL_NSQ names no folder with nsqd, nsqadmin and nsqlookupd");

test("go-nsq gets messages through discovery alone, and moves", { skip: consumer.skip, timeout: 60_000 }, async (t) => {
  const lookupds = [await startLookupd(t), await startLookupd(t)];
  const [one, two] = lookupds.map(({ tcp }) => tcp) as [number, number];
  const first = await startBroker(t, [one], "orders");
  const client = consumer.start(t, ["orders", "", ...lookupds.map(({ http }) => `127.0.0.1:${http}`)]);
  first.publish("a");
  await waitForLine(client, new RegExp(`^message a from 127.0.0.1:${first.port}$`));
  await first.kill();
  const second = await startBroker(t, [two], "orders");
  second.publish("b");
  await waitForLine(client, new RegExp(`^message b from 127.0.0.1:${second.port}$`));
});

interface Nsqd {
  readonly http: string;
  publish(body: string): Promise<void>;
  kill(): Promise<unknown>;
}

async function startNsqd(t: TestContext, lookupds: readonly Lookupd[]): Promise<Nsqd> {
  const [tcp, http] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const flags = ["-broadcast-address=127.0.0.1", `-tcp-address=${tcp}`, `-http-address=${http}`];
  const lookups = lookupds.map((one) => `-lookupd-tcp-address=127.0.0.1:${one.tcp}`);
  const data = `-data-path=${temporaryDirectory(t, "nsqd")}`;
  const program = startShown(t, "nsqd", join(FOLDER, "nsqd"), [...flags, ...lookups, data]);
  await until(async () => (await request(`http://${http}/ping`)).text === "OK");
  return {
    http,
    async publish(body) {
      assert.equal((await request(`http://${http}/pub?topic=orders`, { body })).text, "OK");
    },
    kill: () => program.kill("SIGKILL"),
  };
}

test("nsqd, nsqadmin and go-nsq take the registry for nsqlookupd", { skip, timeout: 120_000 }, async (t) => {
  const lookupds = [await startLookupd(t), await startLookupd(t)];
  const [first, second] = [await startNsqd(t, lookupds), await startNsqd(t, lookupds)];
  const client = consumer.start(t, ["orders", "", ...lookupds.map(({ http }) => `127.0.0.1:${http}`)]);
  await first.publish("a");
  await waitForLine(client, /^message a from /);
  await second.publish("b");
  await waitForLine(client, /^message b from /);
  const admin = `127.0.0.1:${await freePort()}`;
  const lookups = lookupds.map(({ http }) => `-lookupd-http-address=127.0.0.1:${http}`);
  startShown(t, "nsqadmin", join(FOLDER, "nsqadmin"), [`-http-address=${admin}`, ...lookups]);
  const shown = async (path: string) => (await request(`http://${admin}${path}`)).json();
  await until(async () => (await shown("/api/nodes")).nodes.length === 2);
  for (const lookupd of lookupds) assert.equal((await lookUp(lookupd, "orders")).length, 2);
  // Its button: a tombstone at every lookupd, and the topic is deleted at that nsqd.
  const tombstone = { method: "DELETE", body: { topic: "orders" } };
  assert.equal((await request(`http://${admin}/api/nodes/${second.http}`, tombstone)).status, 200);
  for (const lookupd of lookupds) await until(async () => (await lookUp(lookupd, "orders")).length === 1);
  await first.kill();
  for (const lookupd of lookupds) await until(async () => (await lookUp(lookupd, "orders")).length === 0);
  await second.publish("c");
  await waitForLine(client, /^message c from /);
});
