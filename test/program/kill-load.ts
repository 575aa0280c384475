/**
 * The kill test: writers drive a whole registry over HTTP, SIGKILL ends it at a random moment, and after each restart
 * the ledger of what was acknowledged is held against what is there.
 */
import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { verifyFile } from "../../packages/registry/src/replicators/embedded/file/verify.ts";
import { type Rollcall, startRollcall } from "../harness/program.ts";
import type { Scope } from "../harness/scope.ts";

export interface KillOptions {
  readonly kills: number;
  readonly writers?: number;
  /** After every so many kills, checks every page of the store's file before the restart. */
  readonly verifyEvery?: number;
  readonly flags?: readonly string[];
  onRound?(round: number, ledger: Ledger): void;
}

/** What one subject is: its value and the revision that wrote it, or absent. */
type State = { readonly value: string; readonly revision: number } | null;

interface Subject {
  /** Keys that are written together, or one instance. */
  readonly names: readonly string[];
  readonly kind: "key" | "instance" | "transaction";
  acknowledged: State;
  /** Sent, and not answered before the kill: it may have happened or not. */
  pending: { readonly value: string | null } | null;
}

const SUBJECTS_OF_EACH = 12;

/** What was acknowledged. */
export class Ledger {
  readonly subjects: Subject[] = [];
  /** The highest revision acknowledged. */
  revision = 0;
  writes = 0;
  /** Acknowledged since the last check: revision and one name. */
  recent: { readonly revision: number; readonly name: string }[] = [];
  /** Where the last check ended. */
  checked = 0;

  constructor(writers: number) {
    for (let writer = 0; writer < writers; writer++)
      for (let n = 0; n < SUBJECTS_OF_EACH; n++) this.subjects.push(makeSubject(writer, n));
  }

  acknowledge(subject: Subject, value: string | null, revision: number, sentAfter: number): void {
    assert.ok(revision > sentAfter, `revision ${revision} was given after ${sentAfter}`);
    subject.acknowledged = value === null ? null : { value, revision };
    subject.pending = null;
    this.revision = Math.max(this.revision, revision);
    this.writes++;
    this.recent.push({ revision, name: subject.names[0] as string });
  }
}

function makeSubject(writer: number, n: number): Subject {
  const state = { acknowledged: null, pending: null };
  if (n % 3 === 0) return { ...state, kind: "instance", names: [`s${n % 5}/w${writer}-${n}`] };
  if (n % 3 === 1) return { ...state, kind: "key", names: [`key/w${writer}/${n}`] };
  return { ...state, kind: "transaction", names: ["a", "b", "c"].map((part) => `tx/w${writer}/${n}/${part}`) };
}

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

class Client {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Rejects when the connection ends before the answer does. */
  call(method: string, path: string, body?: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const outgoing = request(`${this.#url}${path}`, { method, agent: this.#agent }, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", reject);
        incoming.on("close", () => reject(new Error("cut off")));
        incoming.on("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          resolve({ status: incoming.statusCode ?? 0, body: text === "" ? {} : JSON.parse(text) });
        });
      });
      outgoing.on("error", reject);
      if (body !== undefined) outgoing.setHeader("content-type", "application/json");
      outgoing.end(body);
    });
  }
}

function send(client: Client, subject: Subject, value: string | null): Promise<Answer> {
  const [name] = subject.names as [string];
  switch (subject.kind) {
    case "instance": {
      const [service, id] = name.split("/");
      const path = `/v2/default/services/${service}/instances/${id}`;
      if (value === null) return client.call("DELETE", path);
      return client.call("PUT", path, JSON.stringify({ address: "10.0.0.1", port: 80, meta: { value }, ttl: "1h" }));
    }
    case "key":
      return client.call(value === null ? "DELETE" : "PUT", `/v2/default/config/${name}`, value ?? undefined);
    case "transaction": {
      const step = (key: string) => (value === null ? { delete: { key } } : { put: { key, value } });
      return client.call("POST", "/v2/default/transactions", JSON.stringify({ then: subject.names.map(step) }));
    }
  }
}

/** Writes its own subjects one after another until the registry is gone. */
async function write(client: Client, ledger: Ledger, own: readonly Subject[], stop: { asked: boolean }): Promise<void> {
  while (!stop.asked) {
    const subject = own[Math.floor(Math.random() * own.length)] as Subject;
    const value = subject.acknowledged !== null && Math.random() < 0.2 ? null : `v${ledger.writes}-${Math.random()}`;
    const sentAfter = ledger.revision;
    subject.pending = { value };
    const answer = await send(client, subject, value).catch(() => undefined);
    if (answer === undefined) return;
    assert.ok(answer.status >= 200 && answer.status < 300, `${answer.status} ${JSON.stringify(answer.body)}`);
    ledger.acknowledge(subject, value, Number(answer.body.revision), sentAfter);
  }
}

/** All that is there, by name. */
async function readAll(client: Client): Promise<{ found: Map<string, State>; revision: number }> {
  const found = new Map<string, State>();
  let revision = 0;
  for (const [path, list] of [
    ["/v2/default/config?prefix=", "keys"],
    ["/v2/default/instances", "instances"],
  ] as const) {
    let from: string | null = "";
    while (from !== null) {
      const join = path.includes("?") ? "&" : "?";
      const next: string = from === "" ? "" : `${join}from=${encodeURIComponent(from)}`;
      const { status, body } = await client.call("GET", `${path}${next}`);
      assert.equal(status, 200, JSON.stringify(body));
      revision = Math.max(revision, Number(body.revision));
      for (const item of body[list] as Record<string, unknown>[]) found.set(...stateOf(item));
      from = (body.next as string | null | undefined) ?? null;
    }
  }
  return { found, revision };
}

function stateOf(item: Record<string, unknown>): [string, State] {
  const revision = Number(item.modRevision);
  if (item.key !== undefined) return [String(item.key), { value: String(item.value), revision }];
  const meta = item.meta as Record<string, string>;
  return [`${item.service}/${item.id}`, { value: String(meta.value), revision }];
}

/** Every acknowledged write is there, no half of another, and nothing else. */
async function check(client: Client, ledger: Ledger): Promise<void> {
  const { found, revision } = await readAll(client);
  assert.ok(revision >= ledger.revision, `the revision went back from ${ledger.revision} to ${revision}`);
  let present = 0;
  for (const subject of ledger.subjects) {
    const states = subject.names.map((name) => found.get(name) ?? null);
    const [first] = states as [State];
    for (const state of states) assert.deepEqual(state, first, `half of a transaction: ${subject.names.join(", ")}`);
    if (first !== null) present += states.length;
    settle(subject, first, ledger.revision);
  }
  assert.equal(found.size, present, "there is more than was ever written");
  await checkHistory(client, ledger);
  ledger.revision = revision;
  ledger.checked = revision;
  ledger.recent = [];
}

/** What is there is what was acknowledged, or what was under way when the registry was killed. */
function settle(subject: Subject, state: State, acknowledgedUpTo: number): void {
  const { acknowledged, pending } = subject;
  const isAcknowledged = state?.value === acknowledged?.value && state?.revision === acknowledged?.revision;
  const isPending =
    pending !== null &&
    (state?.value ?? null) === pending.value &&
    (state === null || state.revision > (acknowledged?.revision ?? 0));
  assert.ok(
    isAcknowledged || isPending,
    `${subject.names[0]}: acknowledged ${JSON.stringify(acknowledged)}, pending ${JSON.stringify(pending)}, found ${JSON.stringify(state)} (acknowledged up to ${acknowledgedUpTo})`,
  );
  subject.acknowledged = state;
  subject.pending = null;
}

/** Writes that later ones replaced are in the history, under the revision that was answered. */
async function checkHistory(client: Client, ledger: Ledger): Promise<void> {
  const names = new Map<number, string>();
  let after = ledger.checked;
  for (;;) {
    const { status, body } = await client.call("GET", `/v2/default/watch?after=${after}&wait=0s`);
    // History may have been trimmed beyond it.
    if (status === 410) return;
    assert.equal(status, 200, JSON.stringify(body));
    const commits = body.commits as { revision: number; changes: Record<string, string>[] }[];
    for (const { revision, changes } of commits) {
      assert.ok(revision > after, `history goes from ${after} to ${revision}`);
      after = revision;
      names.set(revision, JSON.stringify(changes.map(({ key, service, id }) => key ?? `${service}/${id}`)));
    }
    if (commits.length === 0) break;
  }
  for (const { revision, name } of ledger.recent)
    assert.ok(names.get(revision)?.includes(JSON.stringify(name)), `history lacks revision ${revision} of ${name}`);
}

/** Runs the whole test. Fails at the first thing that is not as it was acknowledged. */
export async function killAndCheck(scope: Scope, options: KillOptions): Promise<Ledger> {
  const { kills, writers = 24, verifyEvery = 10 } = options;
  const ledger = new Ledger(writers);
  const registry = await startRollcall(scope, { flags: options.flags ?? [] });
  for (let round = 1; round <= kills; round++) {
    await runRound(registry, ledger, writers, round);
    if (round % verifyEvery === 0) verifyFile(join(registry.data, "rollcall.mdb"));
    await registry.restart();
    const client = new Client(registry.url);
    await check(client, ledger);
    client.close();
    options.onRound?.(round, ledger);
  }
  return ledger;
}

async function runRound(registry: Rollcall, ledger: Ledger, writers: number, round: number): Promise<void> {
  const client = new Client(registry.url);
  const stop = { asked: false };
  const each = ledger.subjects.length / writers;
  const work = Array.from({ length: writers }, (_, writer) =>
    write(client, ledger, ledger.subjects.slice(writer * each, (writer + 1) * each), stop),
  );
  // A failure before the kill is reported at once.
  const failed = Promise.all(work);
  failed.catch(() => {});
  await pass(20 + Math.random() * 200);
  if (round % 8 === 0) {
    // A quiet moment, so that the kill may hit the checkpoint or the trimming of history.
    stop.asked = true;
    await failed;
    await pass(900 + Math.random() * 700);
  }
  await registry.kill("SIGKILL");
  await failed;
  client.close();
}

/** The moment of the kill is chance on purpose. */
function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
