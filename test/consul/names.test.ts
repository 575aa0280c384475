/** Consul's names in DNS. No sockets. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { NAMES } from "../../packages/registry/src/dialects/consul/queries/names.ts";
import { keyOf, toValue } from "../../packages/registry/src/dialects/consul/queries/record.ts";
import { RCODE } from "../../packages/registry/src/dialects/dns/wire/message.ts";
import { openNames } from "../dns/names-rig.ts";
import { accepted } from "../harness/registry.ts";

const IP = "10.0.0.1";

test("Consul's names", async (t) => {
  const names = await openNames({ sources: [NAMES] });
  t.after(names.close);
  await names.register("web", "w1", { address: IP, ports: { default: 80 }, tags: ["v1.2", "blue"], weight: 2 });
  await names.register("web", "w2", { address: "10.0.0.2", ports: { default: 81 }, status: "critical" });
  await names.register("MY-APP", "m1", { address: "10.0.0.3" });
  const found = [
    "web.service.consul.",
    "WEB.Service.Consul.",
    "web.service.dc1.consul.",
    "web.service.dc1.dc.consul.",
    "blue.web.service.consul.",
    "v1.2.web.service.consul.",
    "v1-2.web.service.consul.",
    "_web._tcp.service.consul.",
    "_web._udp.consul.",
    "_web._tcp.dc1.consul.",
    "_web._blue.service.consul.",
    "_web._blue.consul.",
    "web.query.consul.",
    "blue.web.query.dc1.consul.",
  ];
  for (const name of found) {
    const { answers, additional } = names.ask(name, "SRV");
    assert.deepEqual(answers, ["SRV 1 512 80 0a000001.addr.dc1.consul."], name);
    assert.deepEqual(additional, [`0a000001.addr.dc1.consul. A ${IP}`]);
    assert.deepEqual(names.ask(name, "A").answers, [`A ${IP}`], name);
    assert.deepEqual([names.ask(name, "AAAA").rcode, names.ask(name, "AAAA").answers], [RCODE.NOERROR, []]);
  }
  assert.deepEqual(names.ask("my-app.service.consul.", "A").answers, ["A 10.0.0.3"]);
  assert.deepEqual(names.ask("0a000001.addr.dc1.consul.", "A").answers, [`A ${IP}`]);
  assert.deepEqual(names.ask("0a000001.addr.consul.", "A").answers, [`A ${IP}`]);
  assert.deepEqual(names.ask("consul.service.consul.", "A").answers, ["A 192.0.2.53"]);
  await names.register("six", "s1", { address: "2001:DB8::9" });
  await names.register("six", "s2", { address: "::ffff:10.0.0.9" });
  assert.deepEqual([...names.ask("six.service.consul.", "SRV").answers].sort(), [
    "SRV 1 25600 80 0a000009.addr.dc1.consul.",
    "SRV 1 25600 80 20010db8000000000000000000000009.addr.dc1.consul.",
  ]);
  assert.deepEqual(names.ask("20010db8000000000000000000000009.addr.consul.", "AAAA").answers, ["AAAA 2001:db8::9"]);
  assert.deepEqual(names.ask("ns.consul.", "A").answers, ["A 192.0.2.53"]);
  assert.deepEqual(names.ask("consul.", "NS").answers, ["NS ns.consul."]);
  const none = ["web.service.dc2.consul.", "green.web.service.consul.", "nix.service.consul.", "web.connect.consul."];
  for (const name of [
    ...none,
    "web.virtual.consul.",
    "web.ingress.dc1.consul.",
    "n1.node.consul.",
    "10-0-0-1.addr.consul.",
  ])
    assert.equal(names.ask(name, "A").rcode, RCODE.NXDOMAIN, name);
  for (const name of ["service.consul.", "dc1.consul.", "node.dc1.consul.", "consul."])
    assert.equal(names.ask(name, "MX").rcode, RCODE.NOERROR, name);
});

test("Consul's nodes are what instances say they are on", async (t) => {
  const names = await openNames({ sources: [NAMES] });
  t.after(names.close);
  await names.register("web", "w1", { address: IP, meta: { "consul.node": "Node1", k: "w" } });
  await names.register("db", "d1", { address: IP, meta: { "consul.node": "node1", k: "d" }, ports: { default: 5432 } });
  assert.deepEqual(names.ask("web.service.consul.", "SRV").answers, ["SRV 1 25600 80 node1.node.dc1.consul."]);
  assert.deepEqual(names.ask("node1.node.consul.", "A").answers, [`A ${IP}`]);
  assert.deepEqual(names.ask("node1.node.dc1.consul.", "TXT").answers, ['TXT "k=d"', 'TXT "k=w"']);
  // A container with its own address: the name of the node would lead to both addresses.
  const { reply } = names.ask("web.service.consul.", "SRV");
  await names.register("box", "b1", { address: "172.17.0.5", meta: { "consul.node": "node1" } });
  assert.deepEqual(names.ask("web.service.consul.", "SRV").answers, ["SRV 1 25600 80 0a000001.addr.dc1.consul."]);
  assert.deepEqual(
    reply.dependencies.map(({ on }) => on),
    ["catalog"],
  );
});

test("prepared queries have names, and templates have all that begin with theirs", async (t) => {
  const names = await openNames({ sources: [NAMES] });
  t.after(names.close);
  const put = async (ID: string, Name: string, Service: object, Template = {}, TTL = ""): Promise<void> => {
    const asked = { Service: "web", Failover: {}, OnlyPassing: false, Tags: null, NodeMeta: null, ...Service };
    const template = { Type: "", Regexp: "", RemoveEmptyTags: false, ...Template };
    const value = toValue({ ID, Name, Template: template, Service: asked, DNS: { TTL } } as never);
    accepted(await names.rig.registry.propose("default", { kind: "put", key: keyOf(ID), value, lease: null }));
  };
  const idsOf = (name: string): readonly string[] => names.ask(name, "A").answers.map((answer) => answer.slice(2));
  await names.register("web", "w1", { address: IP, tags: ["v1", "blue"] });
  await names.register("web", "w2", { address: "10.0.0.2", tags: ["v2"], status: "warning" });
  await names.register("web", "w3", { address: "10.0.0.3", tags: ["v1"], status: "critical" });
  // Until there is such a query, the service has its name.
  assert.deepEqual(idsOf("web.query.consul."), [IP, "10.0.0.2"]);
  assert.equal(names.ask("first.query.consul.", "A").rcode, RCODE.NXDOMAIN);
  await put("q1", "First", { Tags: ["V1", "!green"] }, {}, "7s");
  await put("q2", "web", { OnlyPassing: true });
  await put(
    "q3",
    "geo-",
    { Service: `\${match(1)}`, Tags: [`\${match(2)}`] },
    {
      Type: "name_prefix_match",
      Regexp: "^geo-(.*?)[.-](.*)$",
    },
  );
  assert.deepEqual(idsOf("first.query.consul."), [IP]);
  assert.deepEqual(idsOf("first.query.dc1.consul."), [IP]);
  assert.deepEqual(idsOf("web.query.consul."), [IP]);
  assert.deepEqual(idsOf("geo-web-v2.query.consul."), ["10.0.0.2"]);
  assert.deepEqual(idsOf("geo-web.v2.query.consul."), ["10.0.0.2"]);
  assert.equal(names.ask("geo-db-v2.query.consul.", "A").rcode, RCODE.NXDOMAIN);
  const { reply } = names.ask("first.query.consul.", "A");
  assert.deepEqual([reply.answers[0]?.ttlS, reply.dependencies[0]?.on], [7, "all"]);
});
