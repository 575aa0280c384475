/** On several nodes a callback is made by one of them, also when that changes meanwhile. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { pino } from "pino";
import { createNode } from "../../../../../../test/harness/duty.ts";
import { accepted, openRig, register } from "../../../../../../test/harness/registry.ts";
import { Calls } from "../../../calls/calls.ts";
import { prefixEnd } from "../../../core/index.ts";
import { NOWHERE } from "../../../net/hosts/places.ts";
import { readSettings } from "../settings.ts";
import { Callbacks } from "./delivery.ts";
import { PREFIX, toWatch } from "./keys.ts";

test("one node calls, and the next one on duty makes the calls that are left", async (t) => {
  const { registry, clock } = await openRig();
  const called: string[] = [];
  const server = createServer((request, response) => {
    called.push(String(request.url));
    request.resume().on("end", () => response.end());
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  const [a, b] = [createNode(true), createNode(false)];
  const settings = readSettings({ callbackHosts: ["127.0.0.1"] });
  const calls = new Calls({ clock, places: NOWHERE, caFile: undefined });
  const all = [a, b].map(
    (nodes) => new Callbacks({ registry, nodes, clock, calls, settings, log: pino({ level: "silent" }) as never }),
  );
  t.after(async () => {
    await Promise.all(all.map((callbacks) => callbacks.close()));
    await calls.close();
    server.close();
  });
  const isLeft = (): boolean =>
    registry.read((view) => [...view.entries("default", PREFIX, prefixEnd(PREFIX))].length > 0);
  const end = async (id: string): Promise<void> => {
    accepted(await registry.propose("default", register("api", id)));
    const record = registry.read((view) => view.instance("default", "api", id));
    assert.ok(record !== undefined);
    const target = { uuid: `call-${id}`, reply: "127.0.0.1", port, asker: "127.0.0.1" };
    const watch = toWatch(target, [{ record, body: { UUID: id } as never }], 10);
    accepted(await registry.propose("default", watch));
    accepted(await registry.propose("default", { kind: "deregister", instance: { service: "api", id } }));
  };
  const untilDone = async (): Promise<void> => {
    while (isLeft()) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  await end("1");
  await untilDone();
  assert.equal(called.length, 1);
  a.leave();
  await end("2");
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(called.length, 1, "nobody is on duty");
  b.take();
  await untilDone();
  assert.equal(called.length, 2);
  assert.ok(called[0]?.endsWith("call-1") && called[1]?.endsWith("call-2"), called.join(" "));
});
