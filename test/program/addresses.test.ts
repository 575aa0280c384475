/** Addresses with a port or a scheme, at every door: one that can be understood is, and none makes an answer that leads nowhere. */
import assert from "node:assert/strict";
import { Resolver } from "node:dns/promises";
import { after, test } from "node:test";
import { post, register } from "../eureka/rig.ts";
import { startRollcall } from "../harness/program.ts";
import { request } from "../harness/requests.ts";
import { openTenant } from "../rackspace/rig.ts";
import { SERVICE } from "../skydns/rig.ts";

const ports = ["--eureka-port", "0", "--skydns-port", "0", "--dns-port", "0"];
const rollcall = await startRollcall({ after }, { flags: ["--dialects", "all", ...ports] });
const local = (dialect: string, path: string): string => `http://127.0.0.1:${rollcall.port(dialect)}${path}`;
const resolver = new Resolver();
resolver.setServers([`127.0.0.1:${rollcall.port("dns")}`]);

async function targetsOf(service: string, account = "default"): Promise<string[]> {
  const answer = await request(`${rollcall.url}/sd/prometheus/${account}/${service}`);
  return answer.json<{ targets: string[] }[]>().flatMap(({ targets }) => targets);
}

const hostsOf = async (name: string, port: number): Promise<void> => {
  const [service, ...more] = await resolver.resolveSrv(`${name}.rollcall`);
  assert.deepEqual([service?.port, more], [port, []]);
  assert.deepEqual(await resolver.resolve4(service?.name ?? ""), ["10.0.0.7"]);
};

test("Eureka: clients get back what was said, everybody else the address alone", async () => {
  const at = { apps: local("eureka", "/eureka/apps") };
  const urls = { homePageUrl: "http://10.0.0.7:8080/x", statusPageUrl: "http://10.0.0.7:8080/info" };
  await register(at, "orders", "10.0.0.7:8080", { ipAddr: "10.0.0.7:8080", hostName: "http://10.0.0.7", ...urls });
  const headers = { Accept: "application/json" };
  const { instance } = (await request(`${at.apps}/orders/10.0.0.7:8080`, { headers })).json();
  assert.deepEqual([instance.ipAddr, instance.hostName], ["10.0.0.7:8080", "http://10.0.0.7"]);
  assert.deepEqual([instance.homePageUrl, instance.statusPageUrl], Object.values(urls));
  assert.deepEqual(await targetsOf("orders"), ["10.0.0.7:8080"]);
  await hostsOf("orders", 8080);
  await register(at, "bills", "b1", { ipAddr: "[fd00::7]", hostName: "h" });
  assert.deepEqual(await targetsOf("bills"), ["[fd00::7]:8080"]);
  const wrong = { instanceId: "w1", hostName: "a b", app: "ORDERS", ipAddr: "x/y", dataCenterInfo: { name: "MyOwn" } };
  const refused = await post(at, "orders", { instance: wrong });
  assert.deepEqual([refused.status, refused.text], [400, "Neither ipAddr nor hostName is an address"]);
});

test("SkyDNS: a port in Host is that in Port, or it is refused", async () => {
  const add = (uuid: string, more: object) =>
    request(local("skydns", `/skydns/services/${uuid}`), { method: "PUT", body: { ...SERVICE, Name: uuid, ...more } });
  assert.equal((await add("one", { Host: "10.0.0.7:9000" })).status, 201);
  assert.equal((await add("two", { Host: "http://10.0.0.7/", Port: 80 })).status, 201);
  assert.equal((await request(local("skydns", "/skydns/services/one"))).json().Host, "10.0.0.7:9000");
  assert.deepEqual([await targetsOf("one"), await targetsOf("two")], [["10.0.0.7:9000"], ["10.0.0.7:80"]]);
  await hostsOf("one", 9000);
  await hostsOf("two", 80);
  const two = await add("three", { Host: "10.0.0.7:80" });
  assert.deepEqual([two.status, two.text], [400, "Host and Port are two different ports\n"]);
  for (const Host of ["a b", "x/y", "http://u:p@h", "10.0.0.300"]) {
    const refused = await add("three", { Host });
    assert.deepEqual([refused.status, refused.text], [400, "Host must be the name of a host or an IP address\n"], Host);
  }
});

test("Rackspace: metadata may be anything; an address is read from it where there is one", async () => {
  const tenant = await openTenant(rollcall.url);
  const create = async (id: string, metadata: object): Promise<void> => {
    const answer = await tenant.call("POST", "/services", { id, heartbeat_timeout: 30, metadata });
    assert.equal(answer.status, 201, answer.text);
    assert.deepEqual((await tenant.call("GET", `/services/${id}`)).json().metadata, metadata);
  };
  await create("dfw1-db1", { address: "10.0.0.7:3306" });
  await create("dfw1-db2", { ip: "http://10.0.0.8/", port: "80" });
  await create("dfw1-db3", { host: "a b", port: "80" });
  assert.deepEqual(await targetsOf("dfw1-db1", tenant.id), ["10.0.0.7:3306"]);
  assert.deepEqual(await targetsOf("dfw1-db2", tenant.id), ["10.0.0.8:80"]);
  assert.deepEqual(await targetsOf("dfw1-db3", tenant.id), []);
});
