/** Answers that are kept. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Registry, View } from "../../../core/index.ts";
import { AnswerCache, KeptAnswer } from "./cache.ts";

/** A registry that is at this revision, where services are of no account. */
function toRegistry(state: { revision: number; services: Record<string, number> }): Registry {
  const view = {
    get revision() {
      return state.revision;
    },
    account: () => ({
      service: (name: string) => {
        const revision = state.services[name];
        return revision === undefined ? undefined : { revision };
      },
    }),
  };
  return { read: (query: (view: View) => unknown) => query(view as unknown as View) } as unknown as Registry;
}

const answer = (revision: number, service: string, ofService: number, bytes = 100): KeptAnswer =>
  new KeptAnswer({
    revision,
    dependencies: [{ on: "service", account: "default", service, revision: ofService }],
    keptBytes: 0,
    rcode: 0,
    encode: () => Buffer.alloc(bytes),
  });

test("an answer is good while what it rests on is what it was", () => {
  const state = { revision: 5, services: { api: 4 } as Record<string, number> };
  const cache = new AnswerCache(toRegistry(state));
  const kept = answer(5, "api", 4);
  const none = answer(5, "none", 0);
  cache.keep("api", kept);
  cache.keep("none", none);
  assert.equal(cache.find("api"), kept);
  state.revision = 6;
  assert.equal(cache.find("api"), kept, "something else moved");
  assert.equal(cache.find("none"), none);
  state.revision = 7;
  state.services = { api: 7, none: 7 };
  assert.equal(cache.find("api"), undefined);
  assert.equal(cache.find("none"), undefined);
  cache.keep("api", answer(7, "api", 7));
  cache.clear();
  assert.equal(cache.find("api"), undefined);
});

test("the cache forgets what nobody asks for, and keeps what is asked for", () => {
  const cache = new AnswerCache(toRegistry({ revision: 1, services: {} }));
  const hot = answer(1, "hot", 0);
  cache.keep("hot", hot);
  for (let i = 0; i < 60_000; i++) {
    cache.keep(`cold ${i}`, answer(1, "cold", 0));
    if (i % 1000 === 0) assert.equal(cache.find("hot"), hot);
  }
  assert.equal(cache.find("cold 0"), undefined);
  assert.ok(cache.find("cold 59999") !== undefined);
  cache.keep("huge", answer(1, "huge", 0, 64 * 1024 * 1024));
  assert.equal(cache.find("huge"), undefined, "one answer does not push out all others");
});

test("an answer that is made again and again takes no more room than once", () => {
  const cache = new AnswerCache(toRegistry({ revision: 1, services: {} }));
  const quiet = answer(1, "quiet", 0);
  cache.keep("quiet", quiet);
  for (let i = 0; i < 5000; i++) cache.keep("busy", answer(1, "busy", 0, 64 * 1024));
  assert.equal(cache.find("quiet"), quiet);
});

test("bytes that are still on their way are not written to", () => {
  const kept = answer(1, "api", 0);
  const first = kept.next(0);
  first[0] = 7;
  assert.equal(kept.next(0), first, "the same bytes go out again");
  kept.replaceLast();
  const second = kept.next(0);
  second[0] = 8;
  assert.notEqual(second, first);
  assert.equal(first[0], 7);
});
