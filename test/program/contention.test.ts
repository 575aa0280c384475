/** Many clients change one thing at once: each is served in turn, whoever was served last. */
import assert from "node:assert/strict";
import { Agent } from "node:http";
import { test } from "node:test";
import { startRollcall } from "../harness/program.ts";
import { request } from "../harness/requests.ts";

const CLIENTS = 64;
/** As soon as one client has come so far, all others have come half as far. */
const CHANGES = 12;

const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });

async function send(method: string, url: string, body: unknown, status: number): Promise<void> {
  const answer = await request(url, { method, body, connection: { agent } });
  assert.equal(answer.status, status, answer.text);
}

/** What client `i` does again and again. */
type Change = (client: number, nth: number) => Promise<void>;

/** How many changes each client had made when the first had made all of its own. */
async function race(change: Change): Promise<number[]> {
  const done = new Array<number>(CLIENTS).fill(0);
  let over = false;
  const run = async (client: number): Promise<void> => {
    for (let nth = 1; nth <= CHANGES && !over; nth++) {
      await change(client, nth);
      if (!over) done[client] = nth;
    }
    over = true;
  };
  await Promise.all(done.map((_, client) => run(client)));
  return done;
}

function assertFair(done: readonly number[]): void {
  const least = Math.min(...done);
  assert.ok(least >= CHANGES / 2, `one client made ${CHANGES} changes while another made ${least}`);
}

test("of many that patch one instance none is left behind, and nothing is lost", async (t) => {
  const { url } = await startRollcall(t, { flags: ["--dialects", "http"] });
  const instance = `${url}/v2/default/services/api/instances/a1`;
  await send("PUT", instance, { address: "10.0.0.1", port: 80, ttl: "1m" }, 201);
  const done = await race((client, nth) =>
    send("PATCH", instance, { meta: { [`client${client}`]: String(nth) } }, 200),
  );
  assertFair(done);
  const { meta } = (await request(instance)).json();
  assert.equal(Object.keys(meta).length, CLIENTS);
});
