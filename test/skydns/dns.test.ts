/** Names of SkyDNS 1 as dig sees them through the dns dialect. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { requirePackage } from "../harness/packages.ts";
import { request } from "../harness/requests.ts";
import { SERVICE, startSky } from "./rig.ts";

const dig = requirePackage("bind9-dnsutils", "dig");
const run = promisify(execFile);

const WEB: readonly [string, object][] = [
  ["1001", { Region: "East", Host: "web1.site.com", Port: 80 }],
  ["1002", { Region: "East", Host: "web2.site.com", Port: 8080 }],
  ["1003", { Region: "West", Host: "web3.site.com", Port: 80 }],
  ["1004", { Region: "West", Host: "web4.site.com", Port: 80 }],
  ["1005", { Region: "West", Host: "server24", Port: 9000 }],
  ["1011", { Name: "rails", Region: "East", Host: "127.0.0.10", Port: 80 }],
  ["1012", { Name: "rails", Region: "West", Host: "127.0.0.11", Port: 80 }],
  ["1013", { Name: "rails", Region: "West", Host: "::1", Port: 80, Environment: "dev" }],
];

const sky = await startSky({ after }, { dialects: "http,skydns,dns", flags: ["--dns-port", "0"] });
const { rollcall } = sky;
for (const [uuid, more] of WEB) {
  const answer = await sky.call("PUT", `/services/${uuid}`, { ...SERVICE, TTL: 4000, ...more });
  assert.equal(answer.status, 201, answer.text);
}

/** What dig shows of an answer: its status, and the sorted records of a section without their TTLs. */
async function ask(name: string, type: string, section = "answer") {
  const owner = `${name === "" ? "" : `${name}.`}skydns.local.`;
  const flags = ["+noall", "+comments", `+${section}`, "+tries=1", "@127.0.0.1", "-p", String(rollcall.port("dns"))];
  const { stdout } = await run(dig.path, [...flags, owner, type]);
  const records = stdout
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith(";"))
    .map((line) => line.split(/\s+/))
    .map(([shown = "", , , kind, ...data]) => `${section === "answer" ? "" : `${shown} `}${kind} ${data.join(" ")}`);
  return { status: /status: ([A-Z]+)/.exec(stdout)?.[1], records: records.sort() };
}

test("dig gets what the original answers: the sample of its README", { skip: dig.skip }, async () => {
  assert.deepEqual(await ask("east.*.testservice.production", "SRV"), {
    status: "NOERROR",
    records: [
      "SRV 10 50 80 web1.site.com.",
      "SRV 10 50 8080 web2.site.com.",
      "SRV 20 33 80 web3.site.com.",
      "SRV 20 33 80 web4.site.com.",
      "SRV 20 33 9000 server24.",
    ],
  });
  const all = await ask("testservice.production", "SRV");
  assert.deepEqual(
    all.records.map((record) => record.split(" ").slice(0, 3).join(" ")),
    Array<string>(5).fill("SRV 10 20"),
  );
});

test("dig gets addresses, targets with theirs, and says what is not there", { skip: dig.skip }, async () => {
  assert.deepEqual((await ask("rails.production", "A")).records, ["A 127.0.0.10", "A 127.0.0.11"]);
  assert.deepEqual((await ask("west.*.rails.production", "SRV")).records, [
    "SRV 10 100 80 1012.skydns.local.",
    "SRV 20 100 80 1011.skydns.local.",
  ]);
  assert.deepEqual((await ask("west.*.rails.production", "A")).records, ["A 127.0.0.11"]);
  const additional = await ask("west.*.rails.production", "SRV", "additional");
  assert.deepEqual(additional.records, ["1011.skydns.local. A 127.0.0.10", "1012.skydns.local. A 127.0.0.11"]);
  assert.deepEqual((await ask("1011", "A")).records, ["A 127.0.0.10"]);
  assert.deepEqual((await ask("1013", "AAAA")).records, ["AAAA ::1"]);
  assert.deepEqual(await ask("1013", "A"), { status: "NOERROR", records: [] });
  assert.deepEqual((await ask("dev", "SRV")).records, ["SRV 10 100 80 1013.skydns.local."]);
  assert.equal((await ask("", "SRV")).records.length, 8);
  for (const name of ["", "leader", "master"]) assert.deepEqual((await ask(name, "A")).records, ["A 127.0.0.1"], name);
  for (const none of ["nope", "nope.production", "south.*.rails.production"]) {
    assert.deepEqual(await ask(none, "SRV"), { status: "NXDOMAIN", records: [] });
    assert.match((await ask(none, "SRV", "authority")).records.join(), /^skydns\.local\. SOA /);
  }
});

test("a change over HTTP is in the next answer", { skip: dig.skip }, async () => {
  const url = `http://127.0.0.1:${rollcall.port("skydns")}/skydns/services/fresh`;
  for (let round = 0; round < 3; round++) {
    assert.equal((await ask("fresh", "A")).status, "NXDOMAIN");
    const body = { ...SERVICE, Name: "fresh", Host: `10.0.0.${round}` };
    assert.equal((await request(url, { method: "PUT", body })).status, 201);
    assert.deepEqual((await ask("fresh", "A")).records, [`A 10.0.0.${round}`]);
    assert.deepEqual((await ask("fresh.production", "A")).records, [`A 10.0.0.${round}`]);
    assert.equal((await request(url, { method: "DELETE" })).status, 200);
  }
  // Instances of other protocols have these names as well, and those that must not be found have none.
  const native = `${rollcall.url}/v2/default/services/api/instances/a1`;
  const put = (status: string) => request(native, { method: "PUT", body: { address: "10.9.9.9", port: 1, status } });
  await put("passing");
  assert.deepEqual((await ask("api.production", "SRV")).records, ["SRV 10 100 1 a1.skydns.local."]);
  await put("draining");
  assert.deepEqual(await ask("api.production", "SRV"), { status: "NOERROR", records: [] });
});
