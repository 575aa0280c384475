/**
 * Programs in Go that use Consul, against the whole program: Consul's own client, hashicorp/consul/api 1.34.5, with its
 * locks, semaphores and watch plans; the discovery package of Prometheus 0.316.0; and consul-template 0.41.1.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { startConsul } from "../consul/rig.ts";
import { requirePackage } from "../harness/packages.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { buildModule } from "./go-rig.ts";
import { waitForLine } from "./programs-rig.ts";

const go = requirePackage("golang-go", "go");
const [client, prometheus, template] = [
  await buildModule("consul-client", go),
  await buildModule("consul-prometheus", go),
  await buildModule("consul-template", go),
];

const consul = await startConsul({ after });
const address = `127.0.0.1:${consul.port}`;

test("keys, locks, semaphores, plans, the agent, health and the catalog do for Consul's Go client what Consul does", {
  skip: client.skip,
  timeout: 120_000,
}, async (t) => {
  const program = client.start(t, [address]);
  const { code } = await program.exited;
  assert.deepEqual([code, program.lines.at(-1)], [0, "all went well"], program.lines.join("\n"));
});

const register = (id: string, port: number) =>
  consul.put("/agent/service/register", {
    Name: "shop",
    ID: id,
    Address: "10.4.0.1",
    Port: port,
    Tags: ["v1"],
    Meta: { m: id },
    Check: { TTL: "1h", Status: "passing" },
  });

test("Prometheus' discovery follows targets, their health and their labels", {
  skip: prometheus.skip,
  timeout: 60_000,
}, async (t) => {
  const program = prometheus.start(t, [address]);
  await register("s1", 81);
  const one = "10\\.4\\.0\\.1:81=passing tags=,v1, node=rollcall meta=s1";
  await waitForLine(program, new RegExp(`^shop: ${one}$`));
  await register("s2", 82);
  await waitForLine(program, new RegExp(`^shop: ${one}; 10\\.4\\.0\\.1:82=passing .* meta=s2$`));
  await consul.put("/agent/check/fail/service:s1");
  await waitForLine(program, /^shop: 10\.4\.0\.1:81=critical .*; 10\.4\.0\.1:82=passing .*$/);
  await consul.put("/agent/service/deregister/s1");
  await consul.put("/agent/service/deregister/s2");
  await waitForLine(program, /^shop: $/);
});

test("consul-template renders what is healthy and what a key says, again and again", {
  skip: template.skip,
  timeout: 60_000,
}, async (t) => {
  const folder = temporaryDirectory(t, "template");
  const [source, target] = [join(folder, "in.ctmpl"), join(folder, "out")];
  const services = '{{range service "shop"}}{{.ID}}={{.Address}}:{{.Port}}/{{index .ServiceMeta "m"}} {{end}}';
  const keys = '{{keyOrDefault "tmpl/a" "none"}} {{range ls "tmpl"}}{{.Key}}:{{.Value}} {{end}}';
  const names =
    "{{range services}}{{.Name}}{{.Tags}} {{end}}{{range nodes}}{{.Node}} {{end}}{{range datacenters}}{{.}}{{end}}";
  writeFileSync(source, `${services}|${keys}|${names}`);
  await register("t1", 91);
  template.start(t, [address, source, target]);
  const shows = (wanted: string) =>
    until(() => existsSync(target) && readFileSync(target, "utf8") === wanted, { what: wanted }).catch((error) =>
      assert.fail(`${error.message}\n${readFileSync(target, "utf8")}`),
    );
  const rest = "consul[] shop[v1] rollcall dc1";
  await shows(`t1=10.4.0.1:91/t1 |none |${rest}`);
  await consul.put("/kv/tmpl/a", "one");
  await shows(`t1=10.4.0.1:91/t1 |one a:one |${rest}`);
  await register("t2", 92);
  await shows(`t1=10.4.0.1:91/t1 t2=10.4.0.1:92/t2 |one a:one |${rest}`);
  await consul.put("/agent/check/fail/service:t1");
  await consul.put("/kv/tmpl/b", "two");
  await shows(`t2=10.4.0.1:92/t2 |one a:one b:two |${rest}`);
});
