/** Made once for each revision, kept for as long as the object or within the bound. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { perRevision } from "./per-revision.ts";

interface Page {
  readonly name: string;
  revision: number;
}

test("a value is made once for each object and revision, whatever the context", () => {
  const made: string[] = [];
  const of = perRevision((page: Page, context: string) => {
    made.push(`${page.name}@${page.revision} ${context}`);
    return { page: page.name };
  });
  const [a, b] = [
    { name: "a", revision: 1 },
    { name: "b", revision: 1 },
  ];
  const first = of(a, "x");
  assert.equal(of(a, "y"), first);
  of(b, "x");
  a.revision = 2;
  assert.notEqual(of(a, "z"), first);
  // An object with the same words is another one.
  of({ ...a }, "x");
  assert.deepEqual(made, ["a@1 x", "b@1 x", "a@2 z", "a@2 x"]);
});

test("undefined is a value, too, and one that could not be made is tried again", () => {
  let calls = 0;
  const of = perRevision((page: Page) => {
    if (++calls === 1) throw new Error("not now");
    return page.revision > 1 ? page.name : undefined;
  });
  const page = { name: "a", revision: 1 };
  assert.throws(() => of(page), /not now/);
  assert.equal(of(page), undefined);
  assert.equal(of(page), undefined);
  assert.equal(calls, 2);
});

test("within a bound, what was made longest ago goes first, and what is too large is not kept", () => {
  const made: string[] = [];
  const of = perRevision(
    (page: Page) => {
      made.push(page.name);
      return page.name;
    },
    { costMax: 24, costOf: (text) => text.length },
  );
  const pages = Array.from({ length: 9 }, (_, i) => ({ name: `00${i}`, revision: 1 }));
  const large = { name: "0000", revision: 1 };
  for (const page of pages.slice(0, 8)) of(page);
  of(large);
  of(large);
  made.length = 0;
  // All eight are still here: the large one pushed out none.
  for (const page of pages.slice(0, 8)) of(page);
  assert.deepEqual(made, []);
  of(pages[8] as Page);
  // A new revision takes the place of its old one, and is the youngest.
  (pages[1] as { revision: number }).revision = 2;
  of(pages[1] as Page);
  assert.deepEqual(made, ["008", "001"]);
  of(pages[0] as Page);
  assert.deepEqual(made, ["008", "001", "000"]);
  of(pages[1] as Page);
  of(pages[2] as Page);
  assert.deepEqual(made, ["008", "001", "000", "002"]);
});
