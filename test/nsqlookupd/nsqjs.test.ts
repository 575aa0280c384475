/** nsqjs as it comes from npm: a consumer that knows nothing but lookupds gets messages, and moves when a broker dies. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Reader } from "nsqjs";
import { until } from "../harness/scope.ts";
import { startBroker } from "./broker.ts";
import { startLookupd } from "./rig.ts";

/** A consumer that asks these lookupds by turns each second. */
function consume(t: TestContext, topic: string, lookupds: readonly number[]) {
  const bodies: string[] = [];
  const connected: number[] = [];
  const errors: string[] = [];
  const reader = new Reader(topic, "ch", {
    lookupdHTTPAddresses: lookupds.map((port) => `127.0.0.1:${port}`),
    lookupdPollInterval: 1,
    lookupdPollJitter: 0.01,
    maxInFlight: 8,
  });
  reader.on("message", (message) => {
    bodies.push(message.body.toString());
    message.finish();
  });
  reader.on("nsqd_connected", (_host, port) => connected.push(port));
  reader.on("error", (error) => errors.push(error.message));
  reader.connect();
  t.after(() => reader.close());
  return { bodies, connected, errors };
}

test("messages come through discovery alone, and the consumer moves when its broker dies", async (t) => {
  // Two that know nothing of each other: one broker at each, one at both.
  const lookupds = [await startLookupd(t), await startLookupd(t)];
  const [one, two] = lookupds.map(({ tcp }) => tcp) as [number, number];
  const first = await startBroker(t, [one], "orders");
  const consumer = consume(
    t,
    "orders",
    lookupds.map(({ http }) => http),
  );
  first.publish("a");
  await until(() => first.finished.length === 1, { what: "the first message" });
  const second = await startBroker(t, [one, two], "orders");
  second.publish("b");
  await until(() => second.finished.length === 1, { what: "a message of the second broker" });
  await first.kill();
  const third = await startBroker(t, [two], "orders");
  third.publish("c");
  await until(() => third.finished.length === 1, { what: "a message of the third broker" });
  assert.deepEqual(consumer.bodies, ["a", "b", "c"]);
  assert.deepEqual([...new Set(consumer.connected)], [first.port, second.port, third.port]);
  assert.deepEqual(
    (await lookupds[0]?.web("GET /nodes"))?.json().producers.map((p: { tcp_port: number }) => p.tcp_port),
    [second.port],
  );
});
