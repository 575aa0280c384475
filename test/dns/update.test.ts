/** DNS UPDATE (RFC 2136) by nsupdate: what it registers, removes and refuses, seen through the native API. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { request } from "../harness/requests.ts";
import { DIG, dig, type Ended, KEYS, type Key, NSUPDATE, nsupdate, startKeyed } from "./transfer-rig.ts";

interface Shown {
  readonly id: string;
  readonly address: string;
  readonly ports: Record<string, number>;
  readonly protocol: string;
  readonly weight: number;
  readonly meta: Record<string, string>;
  readonly tags: readonly string[];
  readonly via: string;
}

const options = { skip: NSUPDATE.skip || DIG.skip };
const rig = await startKeyed({ after });

async function instances(service: string, account = "default"): Promise<Shown[]> {
  const answer = await request(`${rig.rollcall.url}/v2/${account}/services/${encodeURIComponent(service)}`);
  if (answer.status === 404) return [];
  assert.equal(answer.status, 200, answer.text);
  return (answer.json().instances as Shown[]).sort((one, other) => (one.id < other.id ? -1 : 1));
}

async function ids(service: string): Promise<string> {
  return (await instances(service)).map(({ id }) => id).join();
}

async function update(...lines: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await nsupdate(rig.port, KEYS.writer, lines);
  assert.equal(code, 0, `${lines.join("; ")}: ${stdout}${stderr}`);
}

async function refused(rcode: string, lines: readonly string[], key: Key | undefined = KEYS.writer): Promise<void> {
  const ended: Ended = await nsupdate(rig.port, key, lines);
  assert.equal(ended.code, 2, `${lines.join("; ")}: ${ended.stdout}${ended.stderr}`);
  assert.match(ended.stderr, new RegExp(`update failed: ${rcode}(\\(|\\n)`));
}

test("an SRV record and its target's address are an instance", options, async () => {
  // Without `zone`, nsupdate asks for the SOA first.
  await update("add _web._tcp.rollcall. 60 SRV 10 2560 8080 host1.rollcall.", "add host1.rollcall. 60 A 10.1.1.1");
  const [web] = await instances("web");
  assert.deepEqual(
    [web?.id, web?.address, web?.ports, web?.protocol, web?.weight, web?.via],
    ["host1", "10.1.1.1", { default: 8080 }, "tcp", 10, "dns"],
  );
  assert.equal(web?.meta["dns.priority"], "10");
  assert.deepEqual(await instances("host1"), [], "a target is no service");
  const [answer] = await dig(rig.port, "_web._tcp.rollcall", "SRV");
  assert.match(answer ?? "", / SRV 10 2560 8080 host1\.id\.web\.rollcall\.$/);
  assert.match((await dig(rig.port, "host1.id.web.rollcall", "A"))[0] ?? "", / 10\.1\.1\.1$/);

  await update("delete _web._tcp.rollcall. SRV 0 2560 8080 host1.rollcall.");
  assert.equal((await instances("web")).length, 1, "a record of another priority is another one");
  await update("delete _web._tcp.rollcall. SRV 10 2560 8080 host1.rollcall.");
  assert.deepEqual(await instances("web"), []);
});

test("another port of one target is another instance; one that goes leaves the other", options, async () => {
  await update("add _two._tcp.rollcall. 60 SRV 0 0 80 h.rollcall.", "add h.rollcall. 60 A 10.1.1.2");
  await update("add _two._tcp.rollcall. 60 SRV 0 0 81 h.rollcall.", "add h.rollcall. 60 A 10.1.1.2");
  assert.equal(await ids("two"), "h,h:81");
  await update("delete _two._tcp.rollcall. SRV 0 0 80 h.rollcall.");
  assert.equal(await ids("two"), "h:81");
  // As it is answered, it is deleted as well.
  const [shown = ""] = await dig(rig.port, "_two._tcp.rollcall", "SRV");
  await update(`delete _two._tcp.rollcall. SRV ${shown.split(" SRV ")[1]}`);
  assert.equal(await ids("two"), "");
});

test("a target elsewhere is a host's name; UDP is a protocol of its own", options, async () => {
  await update("add _log._udp.rollcall. 60 SRV 0 256 514 Log.Example.com.");
  const [log] = await instances("log");
  assert.deepEqual(
    [log?.id, log?.address, log?.protocol, log?.weight],
    ["log.example.com:514", "log.example.com", "udp", 1],
  );
  await update("delete _log._tcp.rollcall. SRV");
  assert.equal((await instances("log")).length, 1, "of another protocol");
  await update("delete _log._udp.rollcall. SRV");
  assert.deepEqual(await instances("log"), []);
});

test("DNS-SD: SRV, TXT and PTR of an instance", options, async () => {
  const name = "My\\032Printer._ipp._tcp.rollcall.";
  await update(
    `add ${name} 60 SRV 0 0 631 printer.rollcall.`,
    "add printer.rollcall. 60 AAAA 2001:db8::7",
    `add ${name} 60 TXT "txtvers=1" "color=T" "note"`,
    `add _ipp._tcp.rollcall. 60 PTR ${name}`,
    "add _services._dns-sd._udp.rollcall. 60 PTR _ipp._tcp.rollcall.",
  );
  const [printer] = await instances("ipp");
  assert.deepEqual([printer?.id, printer?.address, printer?.ports], ["My Printer", "2001:db8::7", { default: 631 }]);
  assert.deepEqual(printer?.meta, { txtvers: "1", color: "T", note: "" });
  await refused("REFUSED", [`delete _ipp._tcp.rollcall. PTR ${name}`]);
  await refused("REFUSED", ["add _ipp._tcp.rollcall. 60 PTR Nobody._ipp._tcp.rollcall."]);

  await update(`delete ${name} TXT`, `add ${name} 60 TXT "color=F"`);
  assert.deepEqual((await instances("ipp"))[0]?.meta, { color: "F" });
  await update(`delete _ipp._tcp.rollcall. PTR ${name}`, `delete ${name}`);
  assert.deepEqual(await instances("ipp"), []);
});

test("addresses of a name are a service", options, async () => {
  await update("add db.rollcall. 60 A 10.2.0.1", "add db.rollcall. 60 A 10.2.0.2", "add db.rollcall. 60 AAAA fd00::1");
  assert.equal(await ids("db"), "10.2.0.1,10.2.0.2,fd00::1");
  await update('add db.rollcall. 60 TXT "role=main"');
  assert.deepEqual(
    (await instances("db")).map(({ meta }) => meta.role),
    ["main", "main", "main"],
  );
  await update("delete db.rollcall. A 10.2.0.1");
  assert.equal(await ids("db"), "10.2.0.2,fd00::1");
  await update("delete db.rollcall. A");
  assert.equal(await ids("db"), "fd00::1");
  // What goes and comes again in one update was never away.
  await update("delete db.rollcall. AAAA", "add db.rollcall. 60 AAAA fd00::1", "add db.rollcall. 60 AAAA fd00::2");
  assert.equal(await ids("db"), "fd00::1,fd00::2");
  await update("delete db.rollcall.");
  assert.equal(await ids("db"), "");
});

test("a target's new address is its instance's", options, async () => {
  await update("add _mv._tcp.rollcall. 60 SRV 0 0 80 mover.rollcall.", "add mover.rollcall. 60 A 10.3.0.1");
  await update("delete mover.rollcall. A", "add mover.rollcall. 60 A 10.3.0.2");
  assert.equal((await instances("mv"))[0]?.address, "10.3.0.2");
  assert.deepEqual(await instances("mover"), []);
  // The zone knows where a target is, when the update does not say.
  await update("add place.rollcall. 60 A 10.3.0.9");
  await update("add _at._tcp.rollcall. 60 SRV 0 0 80 place.rollcall.");
  assert.equal((await instances("at"))[0]?.address, "10.3.0.9");
});

test("instances of other protocols change and go by their names, and keep the rest", options, async () => {
  await rig.register("shared", "i1", { address: "10.4.0.1", port: 80, tags: ["blue"], meta: { a: "1" } });
  await update("delete i1.id.shared.rollcall. A", "add i1.id.shared.rollcall. 60 A 10.4.0.7");
  const [one] = await instances("shared");
  assert.deepEqual([one?.id, one?.address, one?.tags, one?.via], ["i1", "10.4.0.7", ["blue"], "http"]);
  await update("add _shared._tcp.rollcall. 60 SRV 0 1280 80 i1.id.shared.rollcall.");
  const [heavy] = await instances("shared");
  assert.deepEqual([heavy?.id, heavy?.weight, heavy?.address], ["i1", 5, "10.4.0.7"]);
  await update("delete shared.rollcall.");
  assert.deepEqual(await instances("shared"), []);
});

test("conditions are looked at before anything is done", options, async () => {
  await rig.register("cond", "c1", { address: "10.5.0.1", port: 80 });
  const add = "add cond2.rollcall. 60 A 10.5.0.2";
  await refused("YXDOMAIN", ["prereq nxdomain cond.rollcall.", add]);
  await refused("NXDOMAIN", ["prereq yxdomain nobody.rollcall.", add]);
  await refused("YXRRSET", ["prereq nxrrset _cond._tcp.rollcall. SRV", add]);
  await refused("NXRRSET", ["prereq yxrrset cond.rollcall. AAAA", add]);
  await refused("NXRRSET", ["prereq yxrrset cond.rollcall. A 10.5.0.9", add]);
  // An empty non-terminal is not in use.
  await refused("NXDOMAIN", ["prereq yxdomain _tcp.rollcall.", add]);
  assert.deepEqual(await instances("cond2"), []);
  await update(
    "prereq yxdomain cond.rollcall.",
    "prereq nxdomain cond2.rollcall.",
    "prereq yxrrset cond.rollcall. A 10.5.0.1",
    "prereq nxrrset cond.rollcall. AAAA",
    "prereq yxrrset _cond._tcp.rollcall. SRV",
    add,
  );
  assert.equal(await ids("cond2"), "10.5.0.2");
});

test("of several with one condition only one comes through", options, async () => {
  const tries = Array.from({ length: 8 }, (_, i) =>
    nsupdate(rig.port, KEYS.writer, ["prereq nxdomain leader.rollcall.", `add leader.rollcall. 60 A 10.6.0.${i + 1}`]),
  );
  const codes = (await Promise.all(tries)).map(({ code }) => code);
  assert.equal(codes.filter((code) => code === 0).length, 1, codes.join());
  assert.equal((await instances("leader")).length, 1);
});

test("all or nothing", options, async () => {
  await refused("REFUSED", [
    "zone rollcall.",
    "add good.rollcall. 60 A 10.7.0.1",
    "add bad.rollcall. 60 MX 10 mx.rollcall.",
  ]);
  await refused("NOTZONE", ["zone rollcall.", "add good.rollcall. 60 A 10.7.0.1", "add x.example. 60 A 10.7.0.2"]);
  await refused("REFUSED", ["add good.rollcall. 60 A 10.7.0.1", "add x.y.z.rollcall. 60 A 10.7.0.2"]);
  await refused("REFUSED", ["add good.rollcall. 60 A 10.7.0.1", "add ns.rollcall. 60 A 10.7.0.2"]);
  await refused("REFUSED", ["add good.rollcall. 60 A 10.7.0.1", "add rollcall. 60 NS ns.example."]);
  await refused(
    "REFUSED",
    ["add _g._tcp.rollcall. 60 SRV 0 0 80 g.rollcall.", "add g.rollcall. A 10.7.0.1", "add g.rollcall. A 10.7.0.2"].map(
      (line) => line.replace(". A", ". 60 A"),
    ),
  );
  assert.deepEqual([...(await instances("good")), ...(await instances("g"))], []);
});

test("only a key that may write, and only where it may", options, async () => {
  const add = ["zone rollcall.", "add keyed.rollcall. 60 A 10.8.0.1"];
  const wrong = { ...KEYS.writer, secret: KEYS.admin.secret };
  const unknown = { ...KEYS.writer, name: "unknown.key" };
  const none = await nsupdate(rig.port, undefined, add);
  assert.match(none.stderr, /update failed: REFUSED/);
  await refused("REFUSED", add, KEYS.transfer);
  await refused("REFUSED", add, KEYS.shop);
  await refused("NOTAUTH", add, wrong);
  await refused("NOTAUTH", add, unknown);
  assert.deepEqual(await instances("keyed"), []);
  assert.equal((await nsupdate(rig.port, KEYS.admin, add)).code, 0);
  assert.equal(await ids("keyed"), "10.8.0.1");
});

test("another account's zone, by its own key", options, async () => {
  await rig.register("x", "x", { address: "10.9.0.9", port: 1 }, "shop");
  const add = ["add till.shop.rollcall. 60 A 10.9.0.1"];
  assert.equal((await nsupdate(rig.port, KEYS.shop, add)).code, 0);
  assert.deepEqual(
    (await instances("till", "shop")).map(({ id }) => id),
    ["10.9.0.1"],
  );
  await refused("REFUSED", add);
  // A name below another zone is none of this one's.
  await refused("NOTZONE", ["zone rollcall.", ...add]);
  await refused("NOTAUTH", ["zone x.rollcall.", "add a.x.rollcall. 60 A 10.9.0.1"]);
});

test("what is there already is no change", options, async () => {
  await update("add same.rollcall. 60 A 10.10.0.1");
  const [soa] = await dig(rig.port, "rollcall", "SOA");
  await update("add same.rollcall. 60 A 10.10.0.1", "delete nobody.rollcall. A", "delete nobody.rollcall. A 10.0.0.1");
  assert.deepEqual(await dig(rig.port, "rollcall", "SOA"), [soa]);
});
