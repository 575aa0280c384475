/** Many streams and polls at once, while much changes: each is told of everything, and in few pieces. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, test } from "node:test";
import { startRollcall } from "../harness/program.ts";
import { openStream, request, revisionIn } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { nextAccount, openApi } from "./rig.ts";

const rollcall = await startRollcall({ after });
const api = openApi(rollcall.url);

const STREAMS = 300;
const CHANGES = 240;
const WRITERS = 24;

/** A stream as it is on the wire. */
class Wire {
  text = "";

  constructor(port: number, head: string) {
    const socket = connect(port, "127.0.0.1");
    after(() => socket.destroy());
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      this.text += text;
    });
    socket.write(head);
  }

  get ready(): boolean {
    return this.text.includes("event: ready");
  }

  /** The revisions of what changed. */
  get revisions(): number[] {
    return [...this.text.matchAll(/^id: (\d+)(?:-0)?~\w+\nevent: (?:change|event)$/gm)].map((match) =>
      Number(match[1]),
    );
  }

  /** Chunks in which they came (RFC 9112 §7.1). */
  get chunks(): number {
    return [...this.text.matchAll(/^[0-9a-f]+\r\nid: \S+\nevent: (?:change|event)$/gm)].length;
  }
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n`;

function post(path: string, body: object): string {
  const json = JSON.stringify(body);
  return `POST ${path} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: ${json.length}\r\n\r\n${json}`;
}

/** Changes keys, many at a time; the revisions in order. */
async function change(url: string, at: string, count: number, isOver = () => false): Promise<number[]> {
  const revisions: number[] = [];
  let next = 0;
  const write = async (): Promise<void> => {
    while (next < count && !isOver()) {
      const key = `k/${next++ % 50}`;
      const answer = await request(`${url}${at}/config/${key}`, { method: "PUT", body: `v${next}` }).catch(
        () => undefined,
      );
      if (answer !== undefined && answer.status < 300) revisions.push(answer.json().revision);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, write));
  return revisions.sort((a, b) => a - b);
}

test("hundreds of streams are told of hundreds of changes, in order and several at once", async () => {
  const at = `/v2/${nextAccount()}`;
  const subscriptions = [{ id: "keys", prefix: "k/" }];
  const heads = Array.from({ length: STREAMS }, (_, i) => {
    if (i % 10 === 0) return post(`${at}/watch`, { subscriptions });
    if (i % 10 === 1) return get(`${at}/events?type=key.put`);
    return get(`${at}/watch${i % 10 === 2 ? "" : "?prefix=k/"}`);
  });
  const wires = heads.map((head) => new Wire(rollcall.port(), head));
  await until(() => wires.every(({ ready }) => ready));
  const revisions = await change(rollcall.url, at, CHANGES);
  assert.equal(revisions.length, CHANGES);
  await until(() => wires.every((wire) => wire.revisions.length === CHANGES), { timeoutMs: 20_000 });
  for (const wire of wires) {
    assert.deepEqual(wire.revisions, revisions);
    assert.ok(wire.chunks < CHANGES / 2, `${wire.chunks} chunks`);
  }
});

test("hundreds of polls are woken by one change", async () => {
  const at = `/v2/${nextAccount()}`;
  await api.ok("PUT", `${at}/services/web/instances/i`, { address: "h", ttl: 0 });
  const paths = ["services/web?wait=30s", "watch?service=web&wait=30s", "events?wait=30s"];
  const metric = async () => Number(/watchers\{[^}]*\} (\d+)/.exec((await api.call("GET", "/metrics")).text)?.[1]);
  const before = await metric();
  const polls = Array.from({ length: STREAMS }, (_, i) => api.ok("GET", `${at}/${paths[i % paths.length]}`));
  await until(async () => (await metric()) >= before + STREAMS);
  const { revision } = await api.ok("PUT", `${at}/services/web/instances/i`, { address: "h2", ttl: 0 });
  for (const answer of await Promise.all(polls)) {
    if ("instances" in answer) assert.equal(answer.instances[0].address, "h2");
    else if ("commits" in answer)
      assert.deepEqual(
        answer.commits.map((one: { revision: number }) => one.revision),
        [revision],
      );
    else assert.equal(answer.events[0].revision, revision);
  }
});

test("a stop in the middle of it ends each stream with the position that it goes on from", async (context) => {
  const other = await startRollcall(context);
  const at = "/v2/default";
  const wires = Array.from({ length: STREAMS }, () => new Wire(other.port(), get(`${at}/watch?prefix=k/`)));
  await until(() => wires.every(({ ready }) => ready));
  let isOver = false;
  const changing = change(other.url, at, 100_000, () => isOver);
  await until(() => wires.every(({ chunks }) => chunks > 1));
  const exit = other.stop();
  await until(() => wires.every(({ text }) => text.includes("event: bye")));
  isOver = true;
  await changing;
  assert.equal((await exit).code, 0);
  await other.restart();
  const feed = await openStream(context, `${other.url}${at}/watch?prefix=k/&after=0`);
  await feed.find(({ event }) => event === "ready");
  const all = feed.events.filter(({ event }) => event === "change").map(({ id }) => revisionIn(id));
  for (const wire of wires) {
    const bye = Number(/id: (\d+)~\w+\nevent: bye/.exec(wire.text)?.[1]);
    assert.deepEqual(
      wire.revisions,
      all.filter((revision) => revision <= bye),
    );
  }
});
