/** Names of services over the wire: all kinds of them from one catalog, and none stale while it changes. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type DnsRig, type Reading, startDns } from "./rig.ts";

const dns: DnsRig = await startDns({ after });

const texts = ({ answers }: Reading): string[] => answers.map(({ text }) => text).sort();

test("one instance is found by every kind of name", async () => {
  const body = {
    address: "10.1.0.1",
    port: 8080,
    tags: ["blue"],
    zone: "eu",
    version: "1.2.3",
    meta: { path: "/" },
    weight: 3,
  };
  await dns.register("Web App", "web-1", body);
  const addresses = ["web-app", "blue.web-app", "eu.zone.web-app", "1.2.3.version.web-app", "web-1.id.web-app"];
  for (const name of [...addresses, "0a010001.addr", "10-1-0-1.addr"])
    assert.deepEqual(texts(await dns.ask(`${name}.rollcall.`, "A")), ["10.1.0.1"], name);
  for (const name of ["web-app.rollcall.", "_web-app._tcp.rollcall.", "_default._tcp.blue.web-app.rollcall."]) {
    const { answers, additional } = await dns.ask(name, "SRV");
    assert.deepEqual(
      answers.map(({ text }) => text),
      ["0 768 8080 web-1.id.web-app.rollcall."],
      name,
    );
    assert.deepEqual(
      additional.map((record) => `${record.name} ${record.text}`),
      ["web-1.id.web-app.rollcall. 10.1.0.1"],
    );
  }
  assert.deepEqual(texts(await dns.ask("web-app.service.consul.", "SRV")), ["1 768 8080 0a010001.addr.dc1.consul."]);
  assert.deepEqual(texts(await dns.ask("1.0.1.10.in-addr.arpa.", "PTR")), ["web-1.id.web-app.rollcall."]);
  assert.deepEqual(texts(await dns.ask("_services._dns-sd._udp.rollcall.", "PTR")), ["_web-app._tcp.rollcall."]);
  const list = await dns.ask("_web-app._tcp.rollcall.", "PTR");
  assert.deepEqual(texts(list), ["web-1._web-app._tcp.rollcall."]);
  assert.deepEqual(list.additional.map(({ type }) => type).sort(), ["A", "SRV", "TXT"]);
  assert.deepEqual(texts(await dns.ask("web-app.rollcall.", "TXT")), ['"path=/"']);
});

test("what was answered before a change is not answered after it", async () => {
  const ask = async (name: string, type = "A"): Promise<readonly [string, readonly string[]]> => {
    // Twice: the second answer comes from the cache.
    await dns.ask(name, type);
    const answer = await dns.ask(name, type);
    return [answer.rcode, texts(answer)];
  };
  assert.deepEqual(await ask("my-shop.rollcall."), ["NXDOMAIN", []]);
  await dns.register("My.Shop", "s1", { address: "10.2.0.1", port: 80 });
  assert.deepEqual(await ask("my-shop.rollcall."), ["NOERROR", ["10.2.0.1"]]);
  await dns.register("my shop", "s2", { address: "10.2.0.2", port: 80 });
  assert.deepEqual(await ask("my-shop.rollcall."), ["NOERROR", ["10.2.0.1", "10.2.0.2"]]);
  await dns.register("my-shop", "s3", { address: "10.2.0.3", port: 80 });
  assert.deepEqual(await ask("my-shop.rollcall."), ["NOERROR", ["10.2.0.3"]]);
  await dns.register("my-shop", "s3", { address: "10.2.0.4", port: 80, status: "critical" });
  assert.deepEqual(await ask("my-shop.rollcall."), ["NOERROR", []]);
  assert.deepEqual(await ask("3.0.2.10.in-addr.arpa.", "PTR"), ["NXDOMAIN", []]);
  assert.deepEqual(await ask("4.0.2.10.in-addr.arpa.", "PTR"), ["NOERROR", ["s3.id.my-shop.rollcall."]]);
  await dns.deregister("my-shop", "s3");
  assert.deepEqual(await ask("my-shop.rollcall."), ["NOERROR", []]);
});

test("an account is a zone from its first instance on", async () => {
  await dns.register("team", "t1", { address: "10.3.0.1", port: 80 });
  assert.deepEqual(texts(await dns.ask("team.rollcall.", "A")), ["10.3.0.1"]);
  assert.equal((await dns.ask("api.team.rollcall.", "A")).rcode, "NXDOMAIN");
  await dns.register("api", "a1", { address: "10.3.0.2", port: 80 }, "team");
  assert.deepEqual(texts(await dns.ask("api.team.rollcall.", "A")), ["10.3.0.2"]);
  assert.deepEqual(texts(await dns.ask("team.rollcall.", "A")), []);
  assert.deepEqual(
    (await dns.ask("nix.team.rollcall.", "A")).authority.map(({ name }) => name),
    ["team.rollcall."],
  );
});
