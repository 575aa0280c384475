/** Every route answers the same by the short way and through node:http, whatever its names are and how they are escaped. */
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { after, test } from "node:test";
import { startRollcall } from "../harness/program.ts";
import { request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { openApi } from "./rig.ts";

const rollcall = await startRollcall({ after });
const api = openApi(rollcall.url);
const { port } = new URL(rollcall.url);

const WORDS = ["services", "watch", "subscribe", "events", "backup", "session", "config"];
/** An odd header sends a request to node:http; without it whole requests go the short way. */
const WAYS = { short: "", node: "Connection: keep-alive, odd\r\n" };

function dial(): Socket {
  const socket = connect(Number(port), "127.0.0.1").setEncoding("utf8");
  after(() => socket.destroy());
  return socket;
}

interface Heard {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** One request on a connection that stays open; of a stream, its beginning. */
function ask(socket: Socket, line: string, way: keyof typeof WAYS, body?: object): Promise<Heard> {
  const json = body === undefined ? "" : JSON.stringify(body);
  const type = body === undefined ? "" : `Content-Type: application/json\r\nContent-Length: ${json.length}\r\n`;
  socket.write(`${line} HTTP/1.1\r\nHost: h\r\n${WAYS[way]}${type}\r\n${json}`);
  return new Promise((resolve, reject) => {
    let text = "";
    const closed = (): void => reject(new Error(`${line}: closed after ${JSON.stringify(text)}`));
    const hear = (chunk: string): void => {
      text += chunk;
      const [head = "", rest] = text.split(/\r\n\r\n(.*)/s);
      const length = Number(/^Content-Length: (\d+)/im.exec(head)?.[1] ?? 0);
      if (rest === undefined || (!line.startsWith("HEAD") && Buffer.byteLength(rest) < length)) return;
      socket.off("data", hear).off("close", closed);
      const status = Number(head.split(" ", 2)[1]);
      resolve({ status, type: /^Content-Type: ([^;\r]*)/im.exec(head)?.[1] ?? "", body: rest });
    };
    socket.on("data", hear).on("close", closed);
  });
}

for (const way of ["short", "node"] as const) {
  test(`accounts, services and ids named like routes (${way})`, async () => {
    const socket = dial();
    for (const account of WORDS)
      for (const service of WORDS) {
        const instance = `/v2/${account}/services/${service}/instances/${service}`;
        const put = await ask(socket, `PUT ${instance}`, way, { address: "h", ttl: "60s" });
        assert.ok([200, 201].includes(put.status), `${instance}: ${put.body}`);
        assert.equal((await ask(socket, `POST ${instance}/heartbeat`, way)).status, 200);
        const paths = [
          instance,
          `${instance}/explain`,
          `/v2/${account}/services/${service}`,
          `/v2/${account}/services/${service}?w%61it=0s&after=0`,
          `/v2/${account}/services`,
          `/v2/${account}/instances`,
          `/v2/${account}/events`,
          `/v2/${account}/watch?w%61it=0s&after=0`,
          `/v2/${account}/config`,
          `/v2/${account}/leases`,
          `/sd/prometheus/${account}/${service}`,
        ];
        for (const path of paths) {
          const own = dial();
          const read = await ask(own, `GET ${path}`, way);
          assert.equal(read.status, 200, `${path}: ${read.body}`);
          assert.equal(read.type, "application/json", path);
          assert.equal((await ask(own, `GET ${path}`, way)).status, 200, path);
          const head = await ask(own, `HEAD ${path}`, way);
          assert.deepEqual([head.status, head.type, head.body], [200, "application/json", ""], path);
          own.destroy();
        }
        const wanted = { subscribes: [{ provider: service }] };
        const subscribed = await ask(socket, `POST /v2/${account}/subscribe`, way, wanted);
        assert.equal(subscribed.status, 200, subscribed.body);
      }
    socket.destroy();
  });

  test(`a stream of an account named like a route is a stream (${way})`, async () => {
    for (const account of WORDS) {
      await api.ok("POST", `/v2/${account}/leases`, { lease: "services", ttl: "60s" });
      for (const path of ["watch", "watch?%61fter=0", "leases/services/session"]) {
        const socket = dial();
        const line = `GET /v2/${account}/${path}`;
        assert.equal((await ask(socket, line, way)).type, "text/event-stream", line);
        socket.destroy();
      }
      const socket = dial();
      const many = await ask(socket, `POST /v2/${account}/watch`, way, { subscriptions: [{ id: "all" }] });
      assert.equal(many.type, "text/event-stream");
      socket.destroy();
    }
  });

  test(`an escaped segment is a name, an escaped parameter is the parameter (${way})`, async () => {
    const socket = dial();
    await ask(socket, "PUT /v2/services/services/w%61tch/instances/%65vents", way, { address: "h", ttl: 0 });
    assert.equal((await ask(socket, "GET /v2/services/services/watch/instances/events", way)).status, 200);
    // A literal is compared as it is sent: what is escaped is not the route.
    assert.equal((await ask(socket, "GET /v2/services/w%61tch", way)).status, 404);
    assert.equal((await ask(socket, "GET /v2/services/services/watch?w%61it=x", way)).status, 400);
    assert.equal((await ask(socket, "GET /v2/services/services/watch?w%zzit=1s", way)).status, 400);
    assert.equal((await ask(socket, "GET /v2/services/services/watch?nonsense=1", way)).status, 400);
    assert.equal((await ask(socket, "GET /v2/services/nonsense/watch", way)).status, 404);
    assert.equal((await ask(socket, "DELETE /v2/services/watch", way)).status, 405);
    socket.destroy();
  });

  test(`a poll waits for its change, or for its time (${way})`, async () => {
    const at = `/v2/poll${way}`;
    const { revision } = await api.ok("PUT", `${at}/services/watch/instances/a`, { address: "h", ttl: 0 });
    const socket = dial();
    const over = await ask(socket, `GET ${at}/services/watch?w%61it=0.2s&%61fter=${revision}`, way);
    assert.equal(over.status, 200);
    for (const path of [`${at}/services/watch`, `${at}/instances`, `${at}/services`, `${at}/watch`]) {
      const now = (await api.ok("GET", `${at}/services/watch`)).revision;
      const waiting = ask(dial(), `GET ${path}?wait=20s&after=${now}`, way);
      await until(() => watchers(), { what: "the poll to wait" });
      await api.ok("PUT", `${at}/services/watch/instances/b${path.length}`, { address: "h", ttl: 0 });
      assert.equal((await waiting).status, 200);
    }
    const key = ask(dial(), `GET ${at}/config/k?wait=20s`, way);
    await until(() => watchers(), { what: "the poll to wait" });
    await api.ok("PUT", `${at}/config/k`, "v");
    assert.equal((await key).status, 200);
  });

  test(`a poll whose client leaves is forgotten (${way})`, async () => {
    const at = `/v2/leave${way}`;
    await until(async () => !(await watchers()), { what: "no poll" });
    for (const leave of ["end", "destroy", "resetAndDestroy"] as const) {
      const socket = dial().on("error", () => {});
      socket.write(`GET ${at}/services/web?wait=60s HTTP/1.1\r\nHost: h\r\n${WAYS[way]}\r\n`);
      await until(() => watchers(), { what: "the poll to wait" });
      socket[leave]();
      await until(async () => !(await watchers()), { what: `the poll to be forgotten after ${leave}` });
      await until(() => socket.destroyed, { what: "the connection's end" });
    }
  });
}

/** Whether any poll or stream is open. */
async function watchers(): Promise<boolean> {
  const { text } = await request(`${rollcall.url}/metrics`);
  return /^rollcall_watchers\{dialect="http"\} [1-9]/m.test(text);
}
