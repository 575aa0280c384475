/** UPDATE is decided on the very state: on what others have proposed before it, durable or not, and in one try. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULTS, nameOf } from "../../../../../../test/dns/names-rig.ts";
import { name, toAddress, toClearance, toService, toUpdate } from "../../../../../../test/dns/update-rig.ts";
import { accepted, instanceOf, openRig } from "../../../../../../test/harness/registry.ts";
import { type Access, byPlan, noteOf } from "../../../core/index.ts";
import type { NameSource } from "../../contract.ts";
import { authorityOf } from "../names/authority.ts";
import type { Settings } from "../settings/model.ts";
import { CLASS, type Message, RCODE, type Resource, TYPE } from "../wire/message.ts";
import { LabelIndex } from "../zone/label-index.ts";
import type { AccountZone } from "../zone/model.ts";
import { OpenZones } from "../zone/open-zones.ts";
import { toGround, toWorld } from "../zone/world.ts";
import { planUpdates } from "./plan.ts";

const ONE = ["10.7.0.1"];
/** Where each name has one address. */
const ELSEWHERE: NameSource = {
  dialect: "skydns",
  domain: "skydns.local.",
  find: () => ({ kind: "addresses", addresses: ONE }),
};
const PLAN = planUpdates([ELSEWHERE]);

async function openUpdates() {
  const { registry, clock } = await openRig({ plans: [PLAN] });
  const sources = new Map([["skydns", { domain: name("skydns.local."), account: "default", options: {} }]]);
  const settings: Settings = { ...DEFAULTS, sources };
  const access = { listAccounts: () => [] } as unknown as Access;
  const index = new LabelIndex(registry, clock, settings);
  const zones = new OpenZones({ registry, access, settings, names: [ELSEWHERE], log: { warn: () => {} } });
  await new Promise(setImmediate);
  const options = { settings, index, zones, addresses: [] };
  const register = (service: string, id: string, address: string) =>
    registry.propose("default", {
      kind: "register",
      instance: instanceOf(service, id, { address }),
      life: "permanent",
    });
  /** Proposes at once, by a copy of its input, as another process would get it. */
  const update = async (message: Message): Promise<number> => {
    const { questions, answers, authority } = message;
    const ground = registry.read((view) => toGround(view, options));
    const wish = structuredClone({ message: { questions, answers, authority }, ground });
    return noteOf(PLAN, accepted(await registry.propose("default", byPlan(PLAN, wish)))).rcode;
  };
  const authority = () =>
    registry.read((view) => {
      const world = toWorld(view, options);
      return authorityOf(world.zoneOf(nameOf("rollcall.")) as AccountZone, world);
    });
  return { register, update, authority };
}

/** There is no such name, or no such set. */
function toAbsence(owner: string, type: number): Resource {
  return { ...toClearance(owner, type), class: CLASS.NONE };
}

test("conditions hold or break by what was proposed before and is not durable yet", async () => {
  const { update, register } = await openUpdates();
  const add = (host: string) => toUpdate([toAddress(host, "10.0.0.1")], { answers: [toAbsence(host, TYPE.ANY)] });
  const rcodes = await Promise.all([
    update(add("one.rollcall.")),
    update(add("one.rollcall.")),
    register("My Two", "t", "10.0.0.2").then(() => 0),
    update(add("my-two.rollcall.")),
    update(toUpdate([toClearance("one.rollcall.", TYPE.ANY)], { answers: [toClearance("one.rollcall.", TYPE.A)] })),
    update(add("one.rollcall.")),
  ]);
  const { NOERROR, YXDOMAIN } = RCODE;
  assert.deepEqual(rcodes, [NOERROR, YXDOMAIN, 0, YXDOMAIN, NOERROR, NOERROR]);
});

test("lists and serials are those of the very state", async () => {
  const { update, register, authority } = await openUpdates();
  accepted(await register("api", "a", "10.0.0.1"));
  const { data } = authority();
  assert.ok(data.kind === "authority");
  const soa = (plus: number): Resource => ({
    ...toClearance("rollcall.", TYPE.SOA),
    class: CLASS.IN,
    data: { ...data, serial: data.serial + plus },
  });
  const listed = (target: string): Resource => {
    const at = { name: name("_services._dns-sd._udp.rollcall."), type: TYPE.PTR, class: CLASS.IN, ttlS: 60 };
    return { ...at, data: { kind: "name", target: name(target) } };
  };
  const services = toUpdate([toService("_web._tcp.rollcall.", 80, "w.example.")]);
  const rcodes = await Promise.all([
    update(services),
    update(toUpdate([listed("_web._tcp.rollcall.")])),
    update(toUpdate([listed("_gone._tcp.rollcall.")])),
    update(toUpdate([], { answers: [soa(0)] })),
    update(toUpdate([], { answers: [soa(1)] })),
  ]);
  assert.deepEqual(rcodes.slice(0, 3), [RCODE.NOERROR, RCODE.NOERROR, RCODE.REFUSED]);
  assert.deepEqual(rcodes.slice(3), [RCODE.NXRRSET, RCODE.NOERROR]);
});

test("a host in the domain of another protocol lends its addresses to conditions", async () => {
  const { update, register } = await openUpdates();
  accepted(await register("api", "a", "a.skydns.local"));
  const wants = (address: string) => {
    return toUpdate([], { answers: [{ ...toAddress("api.rollcall.", address), ttlS: 0 }] });
  };
  assert.equal(await update(wants("10.7.0.1")), RCODE.NOERROR);
  assert.equal(await update(wants("10.7.0.2")), RCODE.NXRRSET);
});
