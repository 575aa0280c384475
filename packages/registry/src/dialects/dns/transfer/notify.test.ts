/** On several nodes one of them tells the secondaries. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { test } from "node:test";
import { createNode } from "../../../../../../test/harness/duty.ts";
import { openRig } from "../../../../../../test/harness/registry.ts";
import type { Desk } from "../desk.ts";
import { Notifier } from "./notify.ts";

test("the node on duty sends NOTIFY, and the next one of what changed since", async (t) => {
  const { registry, clock } = await openRig();
  const secondary = createSocket("udp4");
  let heard = 0;
  let onHeard: () => void = () => undefined;
  secondary.on("message", (packet, { port, address }) => {
    packet[2] = (packet[2] as number) | 0x80;
    secondary.send(packet, port, address);
    heard++;
    onHeard();
  });
  await new Promise<void>((bound) => secondary.bind(0, "127.0.0.1", bound));
  const zone = { kind: "account", name: ["example"] };
  let serial = 1;
  const world = { serialOf: () => serial };
  const changed = new Set<() => void>();
  const open = (nodes: Desk["nodes"]): Notifier =>
    new Notifier(
      {
        registry,
        nodes,
        clock: { ...clock, monotonic: () => performance.now() },
        log: { debug: () => undefined, warn: () => undefined },
        settings: { notify: [{ address: "127.0.0.1", port: secondary.address().port, key: undefined }] },
        zones: {
          list: () => [zone],
          onChange(listener: () => void) {
            changed.add(listener);
            return () => changed.delete(listener);
          },
        },
        // The hint with the zone's SOA is left out: there is no world to find it in.
        read(use: (of: object) => unknown) {
          try {
            return use(world);
          } catch {
            return [];
          }
        },
      } as unknown as Desk,
      "127.0.0.1",
    );
  const [a, b] = [createNode(true), createNode(false)];
  const notifiers = [open(a), open(b)];
  t.after(async () => {
    await Promise.all(notifiers.map((notifier) => notifier.close()));
    secondary.close();
  });
  const hear = (): Promise<void> => new Promise((resolve) => (onHeard = resolve));
  if (heard === 0) await hear();
  a.leave();
  serial++;
  for (const listener of changed) listener();
  await new Promise((resolve) => setTimeout(resolve, 1200));
  assert.equal(heard, 1, "nobody is on duty");
  const again = hear();
  b.take();
  await again;
  assert.equal(heard, 2);
});
