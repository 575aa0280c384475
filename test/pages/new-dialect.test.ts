/** The page about new dialects: its files compile, keep the house rules, and speak. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { DIALECTS, type ListedDialect } from "../../packages/registry/src/bin/dialects.ts";
import { createDoors } from "../../packages/registry/src/bin/house/doors.ts";
import { createLog } from "../../packages/registry/src/bin/log/logger.ts";
import { ok } from "../../packages/registry/src/core/index.ts";
import type { House } from "../../packages/registry/src/dialects/contract.ts";
import { Outgoing } from "../../packages/registry/src/net/answers/outgoing.ts";
import { openRig } from "../harness/registry.ts";
import { ROOT } from "../harness/root.ts";
import { type Scope, temporaryDirectory } from "../harness/scope.ts";
import { importsPointInward } from "../tidy/directions.ts";
import type { TextFile } from "../tidy/files.ts";
import { dialectsLookAlike, everyRefusalHasAWord, outcomesHaveOneShape, privacyHasOneSign } from "../tidy/language.ts";
import { pureIsTheDefault, timeIsAnArgument } from "../tidy/marks.ts";
import { foldersAreSmall, namesSayItOnce, roomsAreStacked } from "../tidy/rooms.ts";

const SRC = "packages/registry/src";
const LIST = "bin/dialects.ts";
const RULES = [
  dialectsLookAlike,
  everyRefusalHasAWord,
  foldersAreSmall,
  importsPointInward,
  namesSayItOnce,
  outcomesHaveOneShape,
  privacyHasOneSign,
  pureIsTheDefault,
  roomsAreStacked,
  timeIsAnArgument,
];

/** The blocks that have a file's name on the line above them. */
const FILES = new Map(
  [...readFileSync(join(ROOT, "docs/new-dialect.md"), "utf8").matchAll(/^([\w/.-]+)\n\n```\w+\n([\s\S]*?)^```$/gm)].map(
    ([, name = "", text = ""]) => [name, text],
  ),
);

/** The list of dialects with one more. */
function listWith(entry: string): string {
  const text = readFileSync(join(ROOT, SRC, LIST), "utf8");
  const whole = text.replace(/^\];$/m, `${entry}];`);
  assert.notEqual(whole, text);
  return whole;
}

/** Anyone may do anything. */
const OPEN = {
  authenticate: () => ok({ account: null, role: "admin", name: "anyone" }),
  allow: () => ok(true),
  admit: () => ok(true),
};

const dialectFiles = [...FILES].filter(([name]) => name !== LIST);

test("the files of the page keep the house rules", () => {
  const files: TextFile[] = dialectFiles.map(([name, text]) => ({ path: `${SRC}/dialects/whereis/${name}`, text }));
  const wanted = ["README.md", "desk.ts", "dialect.ts", "instances.ts", "refusals.ts", "server.ts", "settings.ts"];
  assert.deepEqual(dialectFiles.map(([name]) => name).sort(), [...wanted, "vectors/where.txt", "wire/lines.ts"]);
  assert.deepEqual(
    RULES.flatMap((rule) => rule(files)),
    [],
  );
});

/** A house with one more dialect: what is not the page's are links to the repository. */
function buildHouse(scope: Scope): string {
  const root = temporaryDirectory(scope);
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  for (const [name, text] of dialectFiles) write(`${SRC}/dialects/whereis/${name}`, text);
  write(`${SRC}/${LIST}`, listWith(FILES.get(LIST) ?? ""));
  const dialects = DIALECTS.map(({ name }) => `${SRC}/dialects/${name}`);
  const rooms = ["core", "net", "mirrors", "native", "outcome.ts", "dialects/contract.ts"].map(
    (name) => `${SRC}/${name}`,
  );
  const own = [...rooms, ...dialects];
  for (const path of [...own, "node_modules", "tsconfig.base.json"]) symlinkSync(join(ROOT, path), join(root, path));
  write("package.json", '{ "type": "module" }');
  const flags = { noEmit: true, rewriteRelativeImportExtensions: false, allowImportingTsExtensions: true };
  const compilerOptions = { ...flags, composite: false, declaration: false, types: ["node"] };
  const config = { extends: "./tsconfig.base.json", compilerOptions, files: [`${SRC}/${LIST}`] };
  write("tsconfig.json", JSON.stringify(config));
  return root;
}

test("the files of the page compile, and the dialect speaks as the page says", async (t) => {
  const root = buildHouse(t);
  const tsc = join(ROOT, "node_modules/.bin/tsc");
  const compiled = spawnSync(process.execPath, [tsc, "-p", root], { encoding: "utf8" });
  assert.equal(compiled.status, 0, compiled.stdout);
  const outfile = join(root, "list.mjs");
  await build({ entryPoints: [join(root, SRC, LIST)], outfile, bundle: true, format: "esm", packages: "external" });
  const list = (await import(pathToFileURL(outfile).href)) as { DIALECTS: ListedDialect[] };
  const listed = list.DIALECTS.at(-1);
  assert.ok(listed?.name === "whereis");
  const { logger: log } = createLog("json", "silent", { lost: 0, write: () => true });
  const openHttp = () => assert.fail("it speaks no HTTP");
  const doors = createDoors(listed, {
    host: "127.0.0.1",
    ports: { whereis: 0 },
    log,
    outgoing: new Outgoing(),
    openHttp,
  });
  const { registry } = await openRig();
  const dialect = await listed.load();
  const mounted = await dialect.open({ registry, access: OPEN, log, doors, settings: {} } as unknown as House);
  t.after(async () => {
    await doors.closeAll();
    await mounted.close();
  });
  const socket = connect(doors.endpoints[0]?.port as number, "127.0.0.1");
  const here = "here api a1 10.0.0.1 80 30";
  socket.end(["where api", here, "where api", here, "where", "here api a2 ? x 3", ""].join("\n"));
  const wrong = ["! bad: a line begins with where or here", ".", "! bad: port and seconds are numbers", "."];
  assert.equal(await text(socket), [".", ".", "10.0.0.1:80", ".", ".", ...wrong, ""].join("\n"));
});
