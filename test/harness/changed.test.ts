/** Which tests `npm test -- --changed` runs. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { ROOT } from "./root.ts";

const SRC = "packages/registry/src";
const { reachedTests } = (await import(pathToFileURL(join(ROOT, "scripts/changed.mjs")).href)) as {
  reachedTests(texts: ReadonlyMap<string, string>, changed: readonly string[]): ReadonlyMap<string, string>;
};

/** A small house: two dialects, one of them the native one, and tests of all kinds. */
const TEXTS = new Map([
  [`${SRC}/bin/rollcall.ts`, 'const { house } = await import("./house.ts");'],
  [`${SRC}/bin/house.ts`, 'import { DIALECTS } from "./dialects.ts";\nimport { listen } from "../net/listen.ts";'],
  [`${SRC}/bin/dialects.ts`, 'import("../dialects/http/dialect.ts"); import("../dialects/x/dialect.ts");'],
  [`${SRC}/net/listen.ts`, 'import type { Shape } from "./shape.ts";\nimport { limit } from "./limit.ts";'],
  [`${SRC}/net/limit.ts`, ""],
  [`${SRC}/net/shape.ts`, ""],
  [`${SRC}/net/limit.test.ts`, 'import { limit } from "./limit.ts";'],
  [`${SRC}/dialects/http/dialect.ts`, ""],
  [`${SRC}/dialects/x/dialect.ts`, 'import { code } from "./wire/code.ts";'],
  [`${SRC}/dialects/x/wire/code.ts`, ""],
  [`${SRC}/dialects/x/wire/code.test.ts`, 'import { code } from "./code.ts";'],
  ["test/harness/program.ts", `import { PORTS } from "../../${SRC}/bin/dialects.ts";\nexport const PROGRAM = "";`],
  ["test/x/rig.ts", 'import { startRollcall } from "../harness/program.ts";'],
  ["test/x/a.test.ts", 'import { rig } from "./rig.ts";'],
  ["test/http/a.test.ts", 'import { startRollcall } from "../harness/program.ts";'],
  ["test/program/all.test.ts", 'import { startRollcall } from "../harness/program.ts";\nconst flags = ["http,x"];'],
  ["test/pages/a.test.ts", 'const page = join(ROOT, "docs/cli.md"); spawn(join(ROOT, "test/pages/child.ts"));'],
  ["test/pages/child.ts", `import { limit } from "../../${SRC}/net/limit.ts";`],
]);

function reached(...changed: string[]): string[] {
  return [...reachedTests(TEXTS, changed).keys()].map((path) => path.replace(`${SRC}/`, "").replace(".test.ts", ""));
}

test("a test is reached by itself and by what it imports", () => {
  assert.deepEqual(reached("test/x/a.test.ts"), ["test/x/a"]);
  assert.deepEqual(reached("test/x/rig.ts"), ["test/x/a"]);
});

test("what the program loads reaches every test that starts it, and tests beside it", () => {
  const wanted = ["net/limit", "test/http/a", "test/pages/a", "test/program/all", "test/x/a"];
  assert.deepEqual(reached(`${SRC}/net/limit.ts`), wanted);
  assert.equal(
    reachedTests(TEXTS, [`${SRC}/net/limit.ts`]).get("test/x/a.test.ts"),
    `starts the program with ${SRC}/net/limit.ts`,
  );
});

test("a dialect reaches its own tests, those beside its source and those that name it", () => {
  const wanted = ["dialects/x/wire/code", "test/program/all", "test/x/a"];
  assert.deepEqual(reached(`${SRC}/dialects/x/wire/code.ts`), wanted);
  assert.deepEqual(reached(`${SRC}/dialects/x/README.md`, `${SRC}/dialects/x/gone.ts`), wanted.slice(1));
});

test("the native API reaches every test that starts the program", () => {
  assert.deepEqual(reached(`${SRC}/dialects/http/dialect.ts`), ["test/http/a", "test/program/all", "test/x/a"]);
});

test("a type reaches nothing: the compiler checks it", () => {
  assert.deepEqual(reached(`${SRC}/net/shape.ts`), []);
});

test("a page reaches the tests that name it", () => {
  assert.deepEqual(reached("docs/cli.md"), ["test/pages/a"]);
  assert.deepEqual(reached("docs/other/page.md"), []);
});

test("what everything rests on reaches everything", () => {
  const tests = [...TEXTS.keys()].filter((path) => path.endsWith(".test.ts"));
  assert.equal(reached("package-lock.json").length, tests.length);
});

test("a revision that is none is refused in git's words", () => {
  const { status, stderr } = spawnSync("node", ["scripts/test.mjs", "--changed", "no-such"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  assert.equal(status, 1);
  assert.match(stderr, /no-such/);
});
