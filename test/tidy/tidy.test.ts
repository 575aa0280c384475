/** The house rules as tests. Each runs on the repository, and first on a sample that breaks it: a rule must be able to fail. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../harness/root.ts";
import { importsPointInward } from "./directions.ts";
import { type Rule, stripText, type TextFile } from "./files.ts";
import * as language from "./language.ts";
import { pureIsTheDefault, timeIsAnArgument } from "./marks.ts";
import * as pages from "./pages.ts";
import * as rooms from "./rooms.ts";

const CORE = "packages/registry/src/core/";
const DIALECT = "packages/registry/src/dialects/x/";

/** Rules with samples that break them; a sample is a set of files. */
const HOUSE_RULES: Record<string, { rule: Rule; broken: Record<string, string>[]; fine?: Record<string, string> }> = {
  "imports point inward": {
    rule: importsPointInward,
    broken: [
      { [`${CORE}a.ts`]: 'import { readFile } from "node:fs";\n' },
      { [`${CORE}a.ts`]: 'import type { Logger } from "pino";\n' },
      { [`${CORE}a.ts`]: 'import {\n  b,\n} from "../net/b.ts";\n' },
      { [`${DIALECT}codec.ts`]: 'export * from "../y/codec.ts";\n' },
      { [`${DIALECT}codec.ts`]: 'import { decide } from "../../core/decide.ts";\n' },
      { [`${DIALECT}codec.ts`]: 'import { open } from "lmdb";\n' },
      { [`${DIALECT}codec.ts`]: 'const late = await import("../../bin/serve.ts");\n' },
      { [`${DIALECT}codec.ts`]: 'import { a } from "./codec-a.js";\n' },
      { "packages/registry/src/replicators/a/b.ts": 'import "../c/d.ts";\n' },
      { "packages/registry/src/around/a.ts": 'import type { H } from "../net/http.ts";\n' },
      { "packages/registry/src/net/a.ts": 'import { Refusal } from "../core/index.ts";\n' },
      { "packages/registry/src/outcome.ts": 'import type { Commit } from "./core/index.ts";\n' },
      { "packages/registry/src/layouts/a.ts": 'import { readFile } from "node:fs";\n' },
      { [`${DIALECT}codec.ts`]: 'import { createServerset } from "../../layouts/serverset.ts";\n' },
      { "packages/registry/src/elsewhere/a.ts": 'import { a } from "./b.ts";\n' },
      { "packages/client/src/a.ts": 'import { request } from "node:http";\n' },
      { "packages/dashboard/src/model/a.ts": 'import { signal } from "@preact/signals";\n' },
      { "packages/dashboard/src/a.tsx": 'import { open } from "../../registry/src/core/index.ts";\n' },
    ],
    fine: {
      [`${CORE}a.ts`]:
        'import BTree from "sorted-btree";\nimport { b } from "./b.ts";\nconst text = `from "node:fs"`;\n',
      [`${DIALECT}dialect.ts`]:
        'import type { House } from "../contract.ts";\nimport { ok } from "../../core/index.ts";\n',
      "packages/registry/src/net/a.ts": 'import { ok } from "../outcome.ts";\n',
    },
  },
  "dialects hold the same files": {
    rule: language.dialectsLookAlike,
    broken: [{ [`${DIALECT}dialect.ts`]: "" }, omit(wholeDialect(), `${DIALECT}wire/frames.ts`)],
    fine: { ...wholeDialect(), [`${DIALECT}pages/frames.ts`]: "" },
  },
  "folders show at most 14 entries": {
    rule: rooms.foldersAreSmall,
    broken: [manyFiles(15, DIALECT), manyFiles(15, `${CORE}leases/`)],
    fine: { ...manyFiles(14, DIALECT), [`${DIALECT}n0.test.ts`]: "", [`${DIALECT}rig/n0-rig.ts`]: "" },
  },
  "rooms are stacked": {
    rule: rooms.roomsAreStacked,
    broken: [
      { [`${DIALECT}dialect.ts`]: "/** The plug. */" },
      stacked({ "wire/a.ts": 'import type { Desk } from "../desk.ts";' }),
      stacked({ "wire/a.ts": 'import { b } from "./b.ts";', "wire/b.ts": 'import type { A } from "./a.ts";' }),
      stacked({ "pages/a.ts": "" }),
      omit(stacked({}), `${DIALECT}desk.ts`),
    ],
    fine: stacked({
      "server.ts": 'import { a } from "./wire/a.ts";',
      "wire/a.ts": 'import { b } from "./b.ts";',
      "wire/a.test.ts": 'import { open } from "../dialect.ts";',
    }),
  },
  "every refusal has a word in every dialect": {
    rule: language.everyRefusalHasAWord,
    broken: [{ [`${DIALECT}refusals.ts`]: "const STATUS = { invalid: 400 };" }],
    fine: { [`${DIALECT}refusals.ts`]: "const STATUS: Record<Refusal, number> = {};" },
  },
  "the core speaks no protocol's words": {
    rule: language.coreSpeaksPlainly,
    broken: [
      { [`${CORE}a.ts`]: "const etcdRevision = 1;" },
      { [`${CORE}a.ts`]: "function listProducers() {}" },
      { [`${CORE}a.ts`]: `const text = \`a \${kv} b\`;` },
      { [`${CORE}a.ts`]: "interface SessionNode {}" },
    ],
    fine: { [`${CORE}a.ts`]: '// As in etcd.\nconst said = "consul"; /* a znode */ const viper = `kv`;' },
  },
  "time and chance are arguments": {
    rule: timeIsAnArgument,
    broken: [
      { [`${CORE}a.ts`]: "const at = Date.now();" },
      { [`${CORE}leases/a.ts`]: "const at = Date.now();" },
      { [`${DIALECT}wire/x.ts`]: "const at = new Date();" },
      { [`${DIALECT}wire/x.ts`]: "setTimeout(end, 5);" },
    ],
    fine: {
      [`${CORE}a.ts`]: "/** Never Date.now(). */ const at = new Date(nowMs);",
      [`${DIALECT}server.ts`]: "setTimeout(a);",
    },
  },
  "pure is the default": {
    rule: pureIsTheDefault,
    broken: [
      { [`${DIALECT}a.ts`]: "/** Pure. */\nconst at = clock.now();" },
      { [`${DIALECT}a.ts`]: "setImmediate(go);" },
      { [`${DIALECT}a.ts`]: "/** @live A. */\nexport const MOVE: Plan<string> = {\n};" },
      { [`${DIALECT}a.ts`]: "await registry.propose(account, command);" },
      { [`${DIALECT}a.ts`]: 'import { isIP, connect } from "node:net";' },
      { [`${DIALECT}a.ts`]: 'import { type Hash, randomBytes } from "node:crypto";' },
      { [`${DIALECT}a.ts`]: 'import { b } from "./b.ts";', [`${DIALECT}b.ts`]: "/** @live B. */" },
      { [`${DIALECT}a.ts`]: 'const late = await import("./b.ts");', [`${DIALECT}b.ts`]: "/**\n * @live B.\n */" },
      throughDoor('import { open } from "../../core/index.ts";'),
    ],
    fine: {
      ...throughDoor('import { ok, type open } from "../../core/index.ts";'),
      [`${DIALECT}b.ts`]: '/** @live B. */\nimport { connect } from "node:net";\nconst at = clock.now();',
      [`${DIALECT}d.ts`]: "export const MOVE: Plan<{ readonly id: string }> = {\n};",
      [`${DIALECT}c.ts`]: 'import type { B } from "./b.ts";\nimport { isIP } from "node:net";\n// clock.now()',
    },
  },
  "outcomes have one shape": {
    rule: language.outcomesHaveOneShape,
    broken: [
      { [`${CORE}a.ts`]: "type Read = { readonly ok: true } | { readonly ok: false; readonly detail: string };" },
      { [`${CORE}a.ts`]: "function a(read: Read & { ok: false }) {}" },
      { [`${CORE}a.ts`]: "interface A {\n  ok: false;\n}" },
    ],
    fine: {
      "packages/registry/src/outcome.ts": "export interface Refused {\n  readonly ok: false;\n}",
      [`${CORE}a.ts`]: 'return { ok: false, refusal: "invalid" };',
    },
  },
  "members are private by one sign": {
    rule: language.privacyHasOneSign,
    broken: [
      { [`${CORE}a.ts`]: "class A {\n  private b = 1;\n}" },
      { "test/a.ts": "class A {\n  protected readonly b = 1;\n}" },
    ],
    fine: { [`${CORE}a.ts`]: "class A {\n  #b = 1;\n  // private c\n  private constructor() {}\n}" },
  },
  "file names say it once": {
    rule: rooms.namesSayItOnce,
    broken: [
      { [`${DIALECT}zone/zone-file.ts`]: "" },
      { [`${DIALECT}zones/zone-file.ts`]: "" },
      { "test/dns/peers/dns-dig.test.ts": "" },
      { [`${DIALECT}zone/zone-file/a.ts`]: "" },
    ],
    fine: { [`${DIALECT}zone/zone.ts`]: "", [`${DIALECT}wire/names.ts`]: "", "test/interop/dns-go.test.ts": "" },
  },
  "file names say something": {
    rule: rooms.namesSaySomething,
    broken: [{ "test/http-helpers.ts": "" }, { "packages/client/src/utils/a.ts": "" }, { "bench/manager.ts": "" }],
    fine: { "bench/management.ts": "" },
  },
  "nothing is left behind": {
    rule: language.nothingIsLeftBehind,
    broken: [
      { "scripts/a.mjs": `// ${"TO"}DO: more` },
      { "bench/a.ts": `// @ts-${"ignore"}` },
      { "bench/a.ts": `// biome-${"ignore"} lint/complexity/noExcessiveLinesPerFunction: long` },
    ],
  },
  "tests never hide": {
    rule: language.testsNeverHide,
    broken: [
      { "test/a.test.ts": 'test.only("x", () => {});' },
      { "test/a.test.ts": 'test("x", { skip: true }, () => {});' },
      { "test/a.test.ts": "t.skip();" },
    ],
    fine: { "test/a.test.ts": 'test("x", { skip: peer.skip }, () => {});' },
  },
  "peers are installed": {
    rule: language.peersAreInstalled,
    broken: [{ "test/a.test.ts": 'requirePackage("etcd-server", "etcd")', "scripts/steps.mjs": "" }],
  },
  "links lead somewhere": {
    rule: pages.linksResolve,
    broken: [
      { "docs/a.md": "[b](b.md)" },
      { "README.md": "[b](docs/b.md#some-thing)", "docs/b.md": "# Another thing" },
      { "README.md": "[b](#none)" },
    ],
    fine: {
      "docs/a.md": "# One\n[b](../b.md#a-b) [c](https://example.com) `[d](e.md)` [docs](../docs/)",
      "b.md": "# A `b`",
    },
  },
  "what is cited is there": {
    rule: pages.citationsHold,
    broken: [
      { "bench/a.ts": "// See docs/b.md." },
      { "bench/a.ts": "/**\n * As in `b/c.ts`.\n */", "bench/c.ts": "" },
      { "ARCHITECTURE.md": "`bin/a.ts` does it." },
    ],
    fine: {
      "bench/a.ts": '// See c.ts, b/c.ts; `<place>/x.ts`, https://example.com/a.md\nconst d = "docs/e.md";',
      "bench/b/c.ts": "",
      "docs/f.md": "`b/c.ts`\n```\nvi /etc/a.md\n```\n",
    },
  },
  "the core's words are listed": {
    rule: pages.wordsAreListed,
    broken: [
      { [`${CORE}index.ts`]: 'export * from "./a.ts";', [`${CORE}a.ts`]: "export interface Thing {}" },
      { "ARCHITECTURE.md": "## Words\n\n| thing: `Thing` | a thing |\n" },
    ],
    fine: {
      [`${CORE}index.ts`]: 'export * from "./a.ts";\nexport { type B, c } from "./b.ts";\n',
      [`${CORE}a.ts`]: "export type Thing = 1;\nexport interface ThingOptions {}\nexport function d() {}\n",
      [`${CORE}b.ts`]: "export interface B {}\nexport interface Inner {}\n",
      "ARCHITECTURE.md": "## Words\n\n| thing: `Thing`, `B` | a thing, not a `C` |\n\n## More\n\n| `D` | |\n",
    },
  },
  "decisions are numbered": {
    rule: pages.decisionsAreNumbered,
    broken: [{ "docs/decisions/tools.md": "" }, { "docs/decisions/0001-a.md": "", "docs/decisions/0001-b.md": "" }],
  },
  "README lists every dialect": {
    rule: pages.readmeListsDialects,
    broken: [{ "README.md": "| http | 7070 |", [`${DIALECT}codec.ts`]: "" }],
    fine: { "README.md": "| [x](packages/registry/src/dialects/x/) | 7070 |", [`${DIALECT}codec.ts`]: "" },
  },
  "no machine is named": {
    rule: pages.noMachineIsNamed,
    broken: [{ "docs/a.md": `cd /${"root"}/rollcall` }, { "package-lock.json": `https://registry.${"npmjs"}.org/x` }],
  },
};

/** Rules that the linter keeps; `npm run check` runs it. The sample must be refused by the rule named. */
const LINTER_RULES: Record<string, { rule: string; file?: string; sample: string }> = {
  "no default exports": { rule: "noDefaultExport", sample: "export default 1;\n" },
  "file names are kebab-case": { rule: "useFilenamingConvention", file: "someName.ts", sample: "export {};\n" },
  "files have at most 400 lines": { rule: "noExcessiveLinesPerFile", sample: 'call("a");\n'.repeat(401) },
  "functions have at most 60 lines": {
    rule: "noExcessiveLinesPerFunction",
    sample: `export function long() {\n${'  call("a");\n'.repeat(61)}}\n`,
  },
  "no any without a reason": { rule: "noExplicitAny", sample: "export const a: any = 1;\n" },
  "no enums": { rule: "noEnum", sample: "export enum A {\n  B,\n}\n" },
  "no parameter properties": {
    rule: "noParameterProperties",
    sample: "export class A {\n  constructor(readonly b: string) {}\n}\n",
  },
  "types are imported as types": {
    rule: "useImportType",
    sample: 'import { Rule } from "./files.ts";\nexport const a: Rule | undefined = undefined;\n',
  },
  "no promise floats": {
    rule: "noFloatingPromises",
    sample: "async function one() {}\nexport function two() {\n  one();\n}\n",
  },
};

const FILES = readRepository();
const TESTS = [
  ...Object.keys(HOUSE_RULES),
  ...Object.keys(LINTER_RULES),
  "the linter is content",
  "STYLE.md names its tests",
];

HOUSE_RULES["STYLE.md names its tests"] = {
  rule: pages.styleIsEnforced(TESTS),
  broken: [{ "STYLE.md": "- Be nice." }, { "STYLE.md": "- Be nice. — *be nice*" }, {}],
  fine: { "STYLE.md": "- Be nice. — *links lead somewhere*" },
};

for (const [name, { rule, broken, fine }] of Object.entries(HOUSE_RULES))
  test(name, () => {
    for (const sample of broken)
      assert.notDeepEqual(rule(toFiles(sample)), [], `the rule accepts ${JSON.stringify(sample)}`);
    if (fine) assert.deepEqual(rule(toFiles(fine)), []);
    const breaches = rule(FILES);
    assert.ok(breaches.length === 0, `${breaches.length} broken:\n${breaches.join("\n")}`);
  });

for (const [name, { rule, file = `${rule.toLowerCase()}.ts` }] of Object.entries(LINTER_RULES))
  test(name, () => {
    assert.match(
      lintSamples(),
      new RegExp(`^${file}\\S* lint/[a-z]+/${rule}\\b`, "m"),
      "the linter accepts the sample",
    );
  });

test("the linter is content", () => {
  const { status, text } = lint(ROOT);
  assert.equal(status, 0, text);
});

test("a stripped text keeps its code", () => {
  assert.equal(stripText('a("x // y"); // z').trim(), 'a(""); ""');
  assert.match(stripText(`b(\`x \${c(\`d\`)} e\`)`), /c\(/);
  assert.doesNotMatch(stripText("const a = /etcd\"/; const b = 'etcd';"), /etcd/);
});

let linted: string | undefined;

/** What the linter says about all samples: one run, in a folder of their own, with the repository's settings. */
function lintSamples(): string {
  if (linted !== undefined) return linted;
  const folder = mkdtempSync(join(tmpdir(), "rollcall-tidy-"));
  try {
    const settings = JSON.parse(readFileSync(join(ROOT, "biome.json"), "utf8"));
    delete settings.vcs;
    delete settings.$schema;
    writeFileSync(join(folder, "biome.json"), JSON.stringify(settings));
    for (const { rule, file = `${rule.toLowerCase()}.ts`, sample } of Object.values(LINTER_RULES))
      writeFileSync(join(folder, file), sample);
    linted = lint(folder).text;
  } finally {
    rmSync(folder, { recursive: true });
  }
  return linted;
}

function lint(folder: string): { status: number | null; text: string } {
  const args = [
    join(ROOT, "node_modules/.bin/biome"),
    "lint",
    "--error-on-warnings",
    "--colors=off",
    "--max-diagnostics=100",
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
  return { status, text: stdout + stderr };
}

/** Everything that is or will be in the repository, text only. */
function readRepository(): TextFile[] {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: ROOT });
  const paths = listed
    .toString("utf8")
    .split("\0")
    .filter((path) => path !== "" && existsSync(join(ROOT, path)));
  return paths.map((path) => {
    const text = readFileSync(join(ROOT, path), "utf8");
    return { path, text: text.includes("\0") ? "" : text };
  });
}

function toFiles(sample: Record<string, string>): TextFile[] {
  return Object.entries(sample).map(([path, text]) => ({ path, text }));
}

function wholeDialect(): Record<string, string> {
  const files = ["README.md", "dialect.ts", "server.ts", "desk.ts", "wire/frames.ts", "vectors/a.http"];
  return Object.fromEntries(files.map((file) => [DIALECT + file, ""]));
}

/** A dialect with a stack and these files. */
function stacked(more: Record<string, string>): Record<string, string> {
  const files = { "dialect.ts": "/** @rooms dialect > server >\n * desk > wire */", "server.ts": "", "desk.ts": "" };
  const all = Object.entries({ ...files, "wire/a.ts": "", ...more });
  return Object.fromEntries(all.map(([file, text]) => [DIALECT + file, text]));
}

/** A file of a dialect beside a core of a live and a pure file. */
function throughDoor(text: string): Record<string, string> {
  return {
    [`${DIALECT}a.ts`]: text,
    [`${CORE}index.ts`]: 'export * from "./live.ts";\nexport { ok } from "./ok.ts";\n',
    [`${CORE}live.ts`]: "/** @live */\nexport async function open() {}",
    [`${CORE}ok.ts`]: "export function ok() {}",
  };
}

function omit(sample: Record<string, string>, path: string): Record<string, string> {
  return Object.fromEntries(Object.entries(sample).filter(([name]) => name !== path));
}

function manyFiles(count: number, folder: string): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`${folder}n${i}.ts`, ""]));
}
