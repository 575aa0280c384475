/** What a follower makes of an end of the order that is older than what it knows by then. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeMeta } from "../../../records/meta.ts";
import type { Client, WatchListener } from "../client/client.ts";
import { encodeFloor, encodePosition, Keys } from "../keys.ts";
import { Follower } from "./follower.ts";
import type { LogReader } from "./reader.ts";

/** Looks for the end of the order, which is at 5, once its first watch has ended; the node knows `later` by the answer. */
async function look(atFirst: number, later: number): Promise<Error | undefined> {
  let known = atFirst;
  let watches = 0;
  const top = { revision: 5, orderMs: 0, nth: 0, group: "g" };
  const values = [
    encodeMeta({ program: "rollcall", line: "l", createdAtMs: 0 }),
    encodeMeta(top),
    encodeFloor(0),
    encodePosition({ ...top, revision: 0 }),
  ];
  return new Promise((resolve) => {
    const client = {
      async inspect() {
        await new Promise((answer) => setTimeout(answer, 5));
        known = later;
        return {
          succeeded: true,
          revision: 5,
          ranges: values.map((value) => ({ entries: [{ value, modRevision: 1 }] })),
        };
      },
      watch(_key: Buffer, _end: Buffer, _from: number, listener: WatchListener) {
        if (watches++ === 0) setImmediate(() => listener.ended(new Error("the member died")));
        else resolve(undefined);
        return { close: () => undefined };
      },
    };
    const follower = new Follower(
      {
        client: client as unknown as Client,
        keys: new Keys("/t/"),
        reader: { async *groups() {} } as unknown as LogReader,
        line: "l",
        known: () => known,
        group: () => undefined,
        event: () => undefined,
        resync: async () => undefined,
        state: () => undefined,
        broken: resolve,
      },
      9,
    );
    follower.start();
  });
}

test("an end of the order that was passed while it was asked for is not one that was set back", async () => {
  assert.equal(await look(5, 7), undefined);
  assert.match(String(await look(6, 7)), /it was set back: it ends with revision 5, and this node knew it up to 6/);
});
