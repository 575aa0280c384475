/** Answers over UDP leave from the address that was asked (RFC 2181 §4.1), whichever of a machine's addresses it is. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { requirePackage } from "../../harness/packages.ts";
import { until } from "../../harness/scope.ts";
import { type Entered, explainNoNamespace, openNamespace, openNeighbour, startInside } from "./namespace.ts";

const curl = requirePackage("curl", "curl");
const ip = requirePackage("iproute2", "ip");
const dig = requirePackage("bind9-dnsutils", "dig");
const kdig = requirePackage("knot-dnsutils", "kdig");
const skip = curl.skip || ip.skip || dig.skip || kdig.skip || explainNoNamespace();

/** Whether this address answers; both programs take an answer from no other. */
async function isAnswered(client: Entered, address: string): Promise<boolean> {
  const question = [`@${address}`, "rollcall", "SOA", "+notcp", "+ignore", "+short"];
  const [one, other] = await Promise.all([
    client.tryRun(dig.path, ...question, "+tries=1", "+timeout=1"),
    client.tryRun(kdig.path, ...question, "+retry=0", "+timeout=1"),
  ]);
  const answers = [one, other].map(({ code, stdout }) => code === 0 && stdout.startsWith("ns.rollcall."));
  assert.equal(answers[0], answers[1], `${one.stdout}${one.stderr}${other.stdout}${other.stderr}`);
  return answers[0] === true;
}

/** A machine with two addresses of each family on the wire and some elsewhere; its neighbour reaches all of them. */
async function wireUp(t: TestContext) {
  const machine = await openNamespace(t, "");
  const neighbour = await openNeighbour(t, machine);
  const add = (on: Entered, address: string, device = "wire"): Promise<string> =>
    on.run("ip", "address", "add", address, "dev", device, ...(address.includes(":") ? ["nodad"] : []));
  for (const address of ["10.98.0.1/24", "10.98.0.2/24", "fd98::1/64", "fd98::2/64", "fe80::1/64"])
    await add(machine, address);
  for (const address of ["10.98.0.9/24", "fd98::9/64", "fe80::9/64"]) await add(neighbour, address);
  await neighbour.run("ip", "route", "add", "default", "via", "10.98.0.1");
  await neighbour.run("ip", "-6", "route", "add", "default", "via", "fd98::1");
  return { machine, neighbour, add };
}

test("all addresses of a machine answer for themselves, and those that come later", { skip }, async (t) => {
  const { machine, neighbour, add } = await wireUp(t);
  const { program } = await startInside(t, machine, {}, ["--host", "::", "--insecure"]);
  const all = async (client: Entered, ...addresses: readonly string[]): Promise<boolean> =>
    (await Promise.all(addresses.map((address) => isAnswered(client, address)))).every((answered) => answered);
  const first = ["10.98.0.1", "10.98.0.2", "10.99.0.1", "fd98::1", "fd98::2", "fd99::1", "fe80::1%wire"];
  assert.ok(await all(neighbour, ...first));
  assert.ok(await all(machine, "127.0.0.1", "::1", ...first));

  const later = { "10.98.0.3": "wire", "10.97.0.1": "lo", "fd98::3": "wire", "fd97::1": "lo" };
  const whole = (address: string): string => `${address}/${address.includes(":") ? 128 : 32}`;
  for (const [address, device] of Object.entries(later)) await add(machine, whole(address), device);
  await until(() => all(neighbour, ...Object.keys(later)), { what: "new addresses to be answered" });
  for (const [address, device] of Object.entries(later))
    await machine.run("ip", "address", "delete", whole(address), "dev", device);
  const isGone = (address: string): boolean =>
    program.stderr().includes(`"address":"${address}","port":53,"msg":"an address is gone`);
  await until(() => Object.keys(later).every(isGone), { what: "the end of their sockets" });
  assert.ok(await all(neighbour, ...first), "the others go on");
  // Port 53 is 0035.
  const sockets = await machine.run("cat", "/proc/net/udp", "/proc/net/udp6");
  assert.doesNotMatch(sockets, / 0+:0035 /, "no socket is bound to a wildcard");
});
