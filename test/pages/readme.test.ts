/** The first five minutes of the README, pasted line by line: what a newcomer sees is what the page says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { requirePackage } from "../harness/packages.ts";
import { startRollcall } from "../harness/program.ts";
import { commandsOf, openShell } from "../harness/shell.ts";

/** What each block must show, by a word that only this block has. */
const SHOWN: readonly { readonly block: RegExp; readonly shows: readonly RegExp[] }[] = [
  { block: /"ttl":"10s"/, shows: [/"created":true/, /"id":"api-1"/, /"status":"passing"/] },
  { block: /dig @/, shows: [/SRV/, /api-1\.id\.api\.rollcall/, /A\s+127\.0\.0\.1/] },
  { block: /heartbeat/, shows: [/"ttlMs":10000/, /"instances":\[\]/, /"type":"instance\.expired"/, /no heartbeat/] },
  { block: /rollcall explain/, shows: [/expired/, /api-1/] },
  { block: /config\/app\/greeting/, shows: [/"version":1/, /hello/, /app\/greeting/] },
  { block: /curl -N/, shows: [/event: ready/] },
];

const dig = requirePackage("bind9-dnsutils", "dig");

test("the README's first five minutes show what it says", { skip: dig.skip }, async (t) => {
  const registry = await startRollcall(t, { dialects: "all" });
  const shell = openShell(t, { ROLLCALL_URL: registry.url });
  const [start, ...blocks] = commandsOf("README.md", "Five minutes");
  assert.equal(start, "npm start\n");
  assert.equal(blocks.length, SHOWN.length, "the page has other blocks than this test knows");
  for (const [index, block] of blocks.entries()) {
    const expected = SHOWN[index];
    assert.match(block, expected?.block ?? /$^/);
    // The live stream has no end of its own.
    const commands = block
      .replaceAll(":7070", `:${registry.port()}`)
      .replace("-p 8600", `-p ${registry.port("dns")}`)
      .replace("curl -N", "curl -N --max-time 1");
    const output = await shell.run(commands, 60_000);
    for (const shown of expected?.shows ?? []) assert.match(output, shown, `${block}printed\n${output}`);
  }
});
