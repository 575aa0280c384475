/** dnspython 2.9.2 as it comes from PyPI: it resolves, transfers and updates. `python/dns-client`. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { KEYS, startKeyed } from "../dns/transfer-rig.ts";
import { requirePackage } from "../harness/packages.ts";
import { waitForLine } from "./programs-rig.ts";
import { installProject } from "./python-rig.ts";

const project = await installProject("dns-client", requirePackage("python3", "python3"));
const MANY = 60;

test("dnspython resolves, transfers and updates", { skip: project.skip, timeout: 60_000 }, async (t: TestContext) => {
  const rig = await startKeyed(t);
  await rig.register("api", "a1", { address: "10.0.0.1", port: 8080, meta: { build: "7", note: "a b=c" } });
  await rig.register("api", "a2", { address: "fd00::2", port: 8081, weight: 1 });
  for (let n = 1; n <= MANY; n++) await rig.register("many", `m${n}`, { address: `10.1.0.${n}`, port: 80 });
  const { name, secret } = KEYS.writer;
  const program = project.start(t, [String(rig.port), name, secret]);
  const [line] = await waitForLine(program, /^\{.*\}$/);
  const { options, ...found } = JSON.parse(line);
  assert.deepEqual(found, {
    services: ["0 256 8081 a2.id.api.rollcall.", "0 25600 8080 a1.id.api.rollcall."],
    many: MANY,
    address: ["10.0.0.1"],
    texts: ['""', '"build=7" "note=a b=c"'],
    reverse: ["a1.id.api.rollcall."],
    zone: "rollcall.",
    absent: "NXDOMAIN",
    none: "NoAnswer",
    elsewhere: "NoNameservers",
    before: false,
    unsigned: "REFUSED",
    registered: "NOERROR",
    dynamic: ["0 2560 80 d1.id.dyn.rollcall."],
    increment: true,
    "by udp": true,
    removed: "NOERROR",
    after: false,
  });
  for (const answer of options) assert.deepEqual(answer, ["NOERROR", 1, []], "options are read over");
});
