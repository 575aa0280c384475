/** Many clients change one thing at once: each change takes one try, and each client is served in turn. */
import assert from "node:assert/strict";
import { Agent } from "node:http";
import { after, test } from "node:test";
import { RCODE, TYPE } from "../../packages/registry/src/dialects/dns/wire/message.ts";
import { decodeMessage } from "../../packages/registry/src/dialects/dns/wire/packet.ts";
import { startDns, TcpTalk } from "../dns/rig.ts";
import { KEYS } from "../dns/transfer-rig.ts";
import { sign, toAddress, toClearance, toUpdate } from "../dns/update-rig.ts";
import { registrationOf } from "../eureka/rig.ts";
import { type Answer, request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { logIn } from "../rackspace/rig.ts";

const CLIENTS = 64;
/** As soon as one client has come so far, all others have come a quarter as far; those that starve never begin. */
const CHANGES = 16;

const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
const dns = await startDns(
  { after },
  { dialects: "http,rackspace,skydns,eureka,dns", settings: { keys: [KEYS.writer], tcpConnectionsMax: 4 * CLIENTS } },
);
const { rollcall } = dns;

async function send(method: string, url: string, body: unknown, status: number, token = ""): Promise<Answer> {
  const headers = token === "" ? {} : { "X-Auth-Token": token };
  const answer = await request(url, { method, body, headers, connection: { agent } });
  assert.equal(answer.status, status, answer.text);
  return answer;
}

async function countProposals(): Promise<number> {
  const { text } = await request(`${rollcall.url}/metrics`);
  return Number(/^rollcall_proposals_total (\d+)$/m.exec(text)?.[1]);
}

/** Lets all clients do it again and again until one of them has done it often enough. */
async function race(change: (client: number, nth: number) => Promise<unknown>): Promise<void> {
  const done = new Array<number>(CLIENTS).fill(0);
  // By the first change all have connected: on a busy machine that takes some as long as others take for many changes.
  await Promise.all(done.map((_, client) => change(client, 0)));
  const proposals = await countProposals();
  let all = 0;
  let over = false;
  const run = async (client: number): Promise<void> => {
    for (let nth = 1; nth <= CHANGES && !over; nth++) {
      await change(client, nth);
      all++;
      if (!over) done[client] = nth;
    }
    over = true;
  };
  await Promise.all(done.map((_, client) => run(client)));
  const tries = ((await countProposals()) - proposals) / all;
  const least = Math.min(...done);
  assert.ok(least >= CHANGES / 4, `one client made ${CHANGES} changes while another made ${least}`);
  assert.equal(tries, 1, "tries for each change");
}

test("of many that patch one instance none is left behind, and nothing is lost", async () => {
  const instance = `${rollcall.url}/v2/default/services/api/instances/a1`;
  await send("PUT", instance, { address: "10.0.0.1", port: 80, ttl: "1m" }, 201);
  await race((client, nth) => send("PATCH", instance, { meta: { [`client${client}`]: String(nth) } }, 200));
  const { meta } = (await request(instance)).json();
  assert.equal(Object.keys(meta).length, CLIENTS);
});

test("the same of one service and one session of Rackspace", async () => {
  const { id, tenant } = (await logIn(rollcall.url, "many")).json().access.token;
  const base = `${rollcall.url}/v1.0/${tenant.id}`;
  const create = async (what: string, body: object): Promise<string> =>
    (await send("POST", `${base}/${what}`, body, 201, id)).headers.location ?? "";
  const session = await create("sessions", { heartbeat_timeout: 30 });
  const service = await create("services", { id: "service-1", heartbeat_timeout: 30 });
  const toBody = (client: number, nth: number) => ({ metadata: { [`client${client}`]: String(nth) } });
  await race((client, nth) => send("PUT", service, toBody(client, nth), 204, id));
  await race((client, nth) => send("PUT", session, toBody(client, nth), 204, id));
});

test("the same of one instance of Eureka: its metadata, and registrations that differ", async () => {
  const apps = `http://127.0.0.1:${rollcall.port("eureka")}/eureka/apps`;
  const info = (status: string) => registrationOf("many", "m1", { status });
  await send("POST", `${apps}/MANY`, info("UP"), 204);
  await race((client, nth) => send("PUT", `${apps}/MANY/m1/metadata?client${client}=${nth}`, undefined, 200));
  await race((client, nth) => send("POST", `${apps}/MANY`, info((client + nth) % 2 === 0 ? "UP" : "DOWN"), 204));
});

test("the same of one service of SkyDNS, whose TTL changes", async () => {
  const service = `http://127.0.0.1:${rollcall.port("skydns")}/skydns/services/1001`;
  const body = { Name: "S", Version: "1", Environment: "E", Region: "R", Host: "h", Port: 80, TTL: 30 };
  await send("PUT", service, body, 201);
  await race((client, nth) => send("PATCH", service, { TTL: 1000 + client * CHANGES + nth }, 200));
});

test("the same of the limits of one account", async () => {
  const account = `${rollcall.url}/v2/_/accounts/many`;
  // The first one also gives it a number.
  await send("PUT", account, { leasesMax: 1000 }, 200);
  // And a zone, which lies below another: with the next question the registry is told of that, once.
  const proposals = await countProposals();
  await dns.ask("rollcall.", "SOA");
  await until(async () => (await countProposals()) === proposals + 1);
  await race((client, nth) => send("PUT", account, { keysMax: 1000 + client * CHANGES + nth }, 200));
  assert.equal((await send("PUT", account, { servicesMax: 7 }, 200)).json().limits.leasesMax, 1000);
});

test("the same of one instance by DNS UPDATE and PATCH beside each other", async () => {
  const instance = `${rollcall.url}/v2/default/services/host/instances/h1`;
  await send("PUT", instance, { address: "10.9.0.1" }, 201);
  const talks = new Map<number, TcpTalk>();
  for (let client = 0; client < CLIENTS; client += 2) talks.set(client, await TcpTalk.open("127.0.0.1", dns.port));
  await race(async (client, nth) => {
    const talk = talks.get(client);
    if (talk === undefined) return send("PATCH", instance, { meta: { [`client${client}`]: String(nth) } }, 200);
    const own = "h1.id.host.rollcall.";
    // The name must have an address, and gets another one.
    const prerequisites = { answers: [toClearance(own, TYPE.A)] };
    const updates = [toClearance(own, TYPE.A), toAddress(own, `10.9.${client}.${nth}`)];
    talk.send(sign(toUpdate(updates, prerequisites)).packet);
    const answer = decodeMessage(await talk.next());
    assert.ok(answer.ok && answer.value.rcode === RCODE.NOERROR, JSON.stringify(answer));
    return undefined;
  });
  for (const talk of talks.values()) talk.close();
  const { address, meta } = (await request(instance)).json();
  assert.match(address, /^10\.9\./);
  assert.equal(Object.keys(meta).length, CLIENTS / 2);
});
