/** Readers of history are few, of an account and in all, and accounts take turns. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FewReaders } from "./readers.ts";

test("four of an account read at once, eight in all, and accounts take turns", async () => {
  const readers = new FewReaders();
  const reading: { readonly account: string; readonly end: () => void }[] = [];
  const began: string[] = [];
  const all = ["a", "b", "c"].flatMap((account) =>
    Array.from({ length: 10 }, () =>
      readers.read(account, () => {
        began.push(account);
        return new Promise<void>((resolve) => reading.push({ account, end: resolve }));
      }),
    ),
  );
  const of = (account: string): number => reading.filter((one) => one.account === account).length;
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  await settle();
  assert.deepEqual([of("a"), of("b"), of("c")], [4, 4, 0]);
  for (let nth = 0; reading.length > 0; nth++) {
    const [one] = reading.splice(nth % reading.length, 1);
    one?.end();
    await settle();
    assert.ok(reading.length <= 8 && Math.max(of("a"), of("b"), of("c")) <= 4, JSON.stringify(reading));
  }
  await Promise.all(all);
  assert.equal(began.length, 30);
  assert.ok(began.slice(8, 14).includes("c"), began.join(""));
});
