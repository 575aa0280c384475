/** Leases whose keeper is not reached: they are neither renewed nor gone, and a session goes on trying. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { accepted, openRig, replaceIn } from "../../../../../../test/harness/registry.ts";
import { type Outcome, ok, type Refusal, refuse } from "../../../core/index.ts";
import type { Exchange } from "../desk.ts";
import { renewLeases } from "./handlers.ts";
import { keepLease } from "./keep.ts";

async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

test("of many renewals the answer tells apart what is gone and what is not reached", async () => {
  const { registry } = await openRig();
  const answerTo = async (...ttls: number[]): Promise<unknown> => {
    const replaced = replaceIn(registry, { renewMany: async () => Float64Array.from(ttls) });
    const exchange = { desk: { registry: replaced }, account: "default", json: { leases: ["a", "b", "c"] } };
    const answer = await renewLeases(exchange as unknown as Exchange);
    assert.ok("body" in answer);
    return JSON.parse(String(answer.body));
  };
  assert.deepEqual(await answerTo(3000, 0, -1), { renewed: 1, missing: ["b"], unreached: ["c"] });
  assert.deepEqual(await answerTo(3000, 0, 0), { renewed: 1, missing: ["b", "c"] });
});

/** What a session of a lease of 3 s says while renewals are answered so, one after the other, each when its time has come. */
async function sessionOf(
  answers: readonly (Refusal | number)[],
  tick: (ms: number) => void,
): Promise<{ readonly said: string[]; readonly asked: number }> {
  const { registry } = await openRig();
  accepted(await registry.propose("default", { kind: "grant", lease: "l", ttlMs: 3000, via: "test" }));
  let now = 0;
  let asked = 0;
  const said: string[] = [];
  const stream = {
    open: true,
    onClose: () => undefined,
    write: (bytes: Buffer) => said.push(/^event: (.*)$/m.exec(String(bytes))?.[1] ?? ""),
    end(bytes: Buffer) {
      stream.write(bytes);
      stream.open = false;
    },
  };
  const renew = async (): Promise<Outcome<{ ttlMs: number }>> => {
    const answer = answers[asked++] ?? 3000;
    return typeof answer === "number" ? ok({ ttlMs: answer }) : refuse(answer, "why");
  };
  const desk = {
    registry: replaceIn(registry, { renew }),
    clock: { now: () => now, monotonic: () => now },
    lasting: { draining: false, enter: () => () => undefined },
    sessions: { enter: () => () => undefined },
  };
  const reply = { events: () => stream };
  keepLease({ desk, account: "default", params: ["l"], query: new Map(), reply } as never);
  for (; now < 6000; now += 250) {
    await turns();
    tick(250);
  }
  return { said, asked };
}

test("a session tries again while its lease's keeper is not reached, and after the ttl says goodbye, not that it ended", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const tick = (ms: number): void => t.mock.timers.tick(ms);
  const away = "unavailable" as const;
  assert.deepEqual((await sessionOf([3000, away, away, away], tick)).said, ["ready"]);
  assert.deepEqual((await sessionOf([away, away, 3000], tick)).said, ["ready"]);
  assert.deepEqual((await sessionOf([3000, away, "not-found"], tick)).said, ["ready", "ended"]);
  const lost = await sessionOf([3000, ...Array.from({ length: 99 }, () => away)], tick);
  assert.deepEqual(lost.said, ["ready", "bye"]);
  assert.ok(lost.asked > 5 && lost.asked < 20, `${lost.asked} renewals`);
});
