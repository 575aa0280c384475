/** Rollcall on other versions of Node: the npm package `node` brings them; they are kept in `.cache/node`. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../harness/root.ts";
import { temporaryDirectory } from "../harness/scope.ts";
import type { PeerScope } from "../peers-rig.ts";
import { isOutOfReach, startShown } from "./programs-rig.ts";

const CACHE = join(ROOT, ".cache/node");
const INSTALL_MS_MAX = 180_000;
/** What npm says when it could not reach where packages come from; a package that is not there reads otherwise. */
const UNREACHABLE = /ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH/;
const NPM = ["install", "--no-audit", "--no-fund", "--no-save", "--loglevel=error"];

export interface NodeVersion {
  readonly major: number;
  /** Pass it to the test; it carries the reason. */
  readonly skip: false | string;
  /** Runs a command with this Node and expects that it ends well; what it printed is shown when it does not. */
  run(scope: PeerScope, command: string, args: readonly string[], cwd?: string): Promise<readonly string[]>;
}

/** The newest Node of a major version that was there when it was first asked for. */
export async function installNode(major: number): Promise<NodeVersion> {
  const bin = join(CACHE, `${major}/node_modules/node/bin`);
  const folder = join(CACHE, String(major));
  const isMissing = !existsSync(join(bin, "node")) && (await isWithoutPackage(`node@${major}`, folder));
  const env = { PATH: `${bin}${delimiter}${process.env.PATH ?? ""}` };
  return {
    major,
    skip: isMissing && `npm reaches no registry to install node@${major} from`,
    async run(scope, command, args, cwd = ROOT) {
      const path = command === "node" ? join(bin, "node") : command;
      const program = startShown(scope, `${command} ${args.join(" ")}, Node ${major}`, path, args, { env, cwd });
      const { code, signal } = await program.exited;
      assert.equal(code ?? signal, 0, `${command} ${args.join(" ")} on Node ${major}`);
      return program.lines;
    },
  };
}

/** Where a package of npm lies with what it needs, installed once; or why it does not. */
export async function installPackage(
  spec: string,
): Promise<{ readonly folder: string; readonly skip: false | string }> {
  const folder = join(CACHE, spec);
  const isMissing = !existsSync(join(folder, "node_modules")) && (await isWithoutPackage(spec, folder));
  return { folder, skip: isMissing && `npm reaches no registry to install ${spec} from` };
}

/** Installs it, under another name until all is there. True when npm reached no registry. */
async function isWithoutPackage(spec: string, folder: string): Promise<boolean> {
  const target = `${folder}.${process.pid}`;
  mkdirSync(target, { recursive: true });
  try {
    if (await isUninstallable(target, [spec])) return true;
    rmSync(folder, { recursive: true, force: true });
    renameSync(target, folder);
    return false;
  } finally {
    rmSync(target, { recursive: true, force: true });
  }
}

/** Installs packages of npm into a folder. True when npm reached no registry, which is an error in CI. */
export async function isUninstallable(folder: string, specs: readonly string[]): Promise<boolean> {
  const args = [...NPM, "--prefix", folder, ...specs];
  if (!(await isOutOfReach("npm", args, { cwd: folder, unreachable: UNREACHABLE, timeoutMs: INSTALL_MS_MAX })))
    return false;
  if (process.env.CI) throw new Error(`npm reaches no registry for ${specs} (peers are never skipped in CI)`);
  return true;
}

/** What knows Node well, in two minutes: the client, the listeners, the store, the program, and a little of each dialect. */
const PART = [
  "packages/client",
  "packages/registry/src/around",
  "packages/registry/src/bin",
  "packages/registry/src/net",
  "packages/registry/src/records",
  "test/client",
  "test/cli",
  "test/contract",
  "test/net",
  "test/http",
  "test/embedded",
  "test/program",
  "test/dns/names.test.ts",
  "test/dns/peers/cares.test.ts",
  "test/dns/peers/libc.test.ts",
  "test/eureka/fetch.test.ts",
  "test/rackspace/sessions.test.ts",
  "test/skydns/services.test.ts",
];

/** What of an installed package is used in a program: the store, a listener, a stream. */
const APP = `import { createClient } from "@rollcall/client";
import { startRegistry } from "@rollcall/registry";
for (const created of [true, false]) {
  const registry = await startRegistry({ data: "data", dialects: "all" });
  const rollcall = createClient({ url: registry.url });
  const answer = await rollcall.registerOnce({ service: "api", id: "api-1", address: "127.0.0.1", port: 80 });
  for await (const item of rollcall.watch({ after: answer.revision - 1 })) if (item.kind === "ready") break;
  console.log(answer.created === created);
  await registry.close();
}
`;

/** The tests of one version. */
export async function testOnNode(major: number): Promise<void> {
  const node = await installNode(major);
  const { skip } = node;

  test(`what can be told without starting the program holds on Node ${major}`, { skip }, async (t) => {
    await node.run(t, "node", ["scripts/check.mjs"]);
  });

  const isThisOne = process.versions.node.startsWith(`${major}.`);
  const isRun = isThisOne && "npm test has run them all on this Node";
  test(`a part of the tests passes on Node ${major}`, { skip: skip || isRun }, async (t) => {
    await node.run(t, "node", ["scripts/test.mjs", ...PART]);
  });

  test(`both packages are installed by npm on Node ${major} and run`, { skip }, async (t) => {
    const folder = temporaryDirectory(t);
    const workspaces = ["-w", "@rollcall/client", "-w", "@rollcall/registry"];
    await node.run(t, "npm", ["pack", "--silent", "--pack-destination", folder, ...workspaces]);
    const [client, registry] = ["client", "registry"].map((name) => `./rollcall-${name}-0.1.0.tgz`);
    writeFileSync(join(folder, "package.json"), "{}");
    writeFileSync(join(folder, "app.mjs"), APP);
    await node.run(t, "npm", [...NPM, client as string, registry as string], folder);
    assert.deepEqual(await node.run(t, "node", ["app.mjs"], folder), ["true", "true"]);
    const [version] = await node.run(t, join(folder, "node_modules/.bin/rollcall"), ["--version"], folder);
    assert.match(version ?? "", new RegExp(`0\\.1\\.0.*\\(node ${major}\\.`));
  });
}
