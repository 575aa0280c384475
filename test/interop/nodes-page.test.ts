/** The page "From one node to three", followed as it is written: its shell, three members of etcd, three nodes. */
import assert from "node:assert/strict";
import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { requirePackage } from "../harness/packages.ts";
import { freePort } from "../harness/ports.ts";
import { ROOT } from "../harness/root.ts";
import { temporaryDirectory } from "../harness/scope.ts";
import { commandsOf, openShell } from "../harness/shell.ts";

const { skip } = requirePackage("etcd-server", "etcd");

/** What each block must show. */
const SHOWN: readonly (readonly RegExp[])[] = [
  [/"ready":true/, /app\/greeting set \(revision \d+, version 1\)/, /api\/api-1 registered for 10m/],
  [/saved [\d.]+ KiB to .*alone\.backup/],
  [],
  [
    /restored [\d.]+ KiB to etcd: revision 1000\d+/,
    /etcd +good +http:\S+ \(e1\): version 3\.\d+\.\d+/,
    /etcd registry +good +up to revision 1000\d+ below \/rollcall\//,
  ],
  [/n1 \(this one\)/, /\bn2\b/, /\bn3\b/, /decides for all/, /\be1\b.*\b(leader|follower)\b/, /^hello$/m],
  [/shop-1 [\s\S]*shop-1/, /app\/greeting set/, /n2 \(this one\)/, /\be1 .*silent/],
  [/saved [\d.]+ KiB to .*nodes\.backup/, /restored [\d.]+ KiB to .*back: revision \d+/],
];

const PORTS = ["7070", "7072", "2379", "2380"];

/** In place of each port on the page: one, and the three that follow it. */
async function findPorts(): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  for (const port of PORTS) {
    let run: number[] = [];
    while (run.length < 4) {
      const next = await freePort();
      run = run.at(-1) === next - 1 ? [...run, next] : [next];
    }
    found.set(port, run[0] as number);
  }
  return found;
}

/** `${n}7070`, 17070 and 7070. */
function withPorts(commands: string, ports: ReadonlyMap<string, number>): string {
  const pattern = new RegExp(`(\\$\\{n\\}|\\b[123]|\\b)(${PORTS.join("|")})\\b`, "g");
  return commands.replace(pattern, (_, before: string, port: string) => {
    const base = ports.get(port) as number;
    return before.startsWith("$") ? `$((${base} + n))` : String(base + Number(before));
  });
}

test("the page's blocks show what it says, from one node to three and back", { skip }, async (t) => {
  const ports = await findPorts();
  const folder = temporaryDirectory(t, "page");
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  const alone = ports.get("7070") as number;
  const shell = openShell(t, { ROLLCALL_URL: `http://127.0.0.1:${alone}`, ROLLCALL_HTTP_PORT: String(alone) });
  await shell.run(`cd ${folder}`);
  const blocks = commandsOf("docs/nodes.md", "On one machine, to see it");
  assert.equal(blocks.length, SHOWN.length, "the page has other blocks than this test knows");
  for (const [nth, block] of blocks.entries()) {
    const output = await shell.run(withPorts(block, ports), 120_000);
    for (const shown of SHOWN[nth] ?? []) assert.match(output, shown, `${block}printed\n${output}`);
  }
  for (const file of ["shop.log", "n2.log", "n3.log"]) {
    const text = readFileSync(join(folder, "three", file), "utf8");
    assert.doesNotMatch(text, /"level":"?(?:50|60|error|fatal)/, text);
  }
});
