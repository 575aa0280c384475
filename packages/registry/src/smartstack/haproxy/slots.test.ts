/** Who is in which slot, the file that remembers it, and what the socket is told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Backend, HaproxyConfig, ProxiedService } from "../config.ts";
import { digestsOf, digestsOfText, render, slotsOf } from "./render.ts";
import { commandsFor, readPid, readServers, refusedBy } from "./runtime.ts";
import { layOut, place, plain, type Slot, toServers } from "./slots.ts";

function backend(id: string, port: number, more: Partial<Backend> = {}): Backend {
  return {
    ...{ id, address: "10.0.0.1", port, weight: 100, isDraining: false, options: "", meta: {}, tags: [], zone: "" },
    ...more,
  };
}

function servers(...backends: readonly Backend[]) {
  return toServers(backends, "check", "seed");
}

const holders = (slots: readonly Slot[]) => Object.fromEntries(slots.map(({ id, state }) => [id, state]));

test("each stays in its slot, who comes takes a free one, who goes leaves it in maintenance", () => {
  const first = layOut([], servers(backend("a", 1), backend("b", 2)), "check");
  assert.equal(first.length, 4);
  assert.equal(first.filter(({ state }) => state === "ready").length, 2);
  const { slots, left } = place(first, servers(backend("b", 2), backend("c", 3)));
  assert.deepEqual(left, []);
  assert.deepEqual(holders(slots), { a: "maint", b: "ready", c: "ready", "": "maint" });
  const slotOf = (all: readonly Slot[], id: string) => all.find((slot) => slot.id === id)?.name;
  assert.equal(slotOf(slots, "b"), slotOf(first, "b"));
  const back = place(slots, servers(backend("a", 1), backend("b", 2), backend("c", 3))).slots;
  assert.equal(slotOf(back, "a"), slotOf(first, "a"), "one that comes back has its slot again");
});

test("who finds no slot is left, and a new layout has room for all and more", () => {
  const many = servers(...Array.from({ length: 10 }, (_, at) => backend(`b${at}`, at + 1)));
  const four = layOut([], [], "check");
  const { left } = place(four, many);
  assert.equal(left.length, 6);
  const wide = layOut(four, many, "check");
  assert.equal(wide.length, 15);
  assert.deepEqual(place(wide, many).left, []);
  assert.equal(new Set(wide.map(({ name }) => name)).size, 15);
});

test("words of its own need a slot that has them", () => {
  const slots = layOut([], servers(backend("a", 1)), "check");
  const odd = servers(backend("a", 1, { options: "backup" }));
  assert.equal(place(slots, odd).left.length, 1);
  const anew = layOut(slots, odd, "check");
  assert.deepEqual(place(anew, odd).left, []);
  assert.equal(anew.find(({ id, state }) => id === "a" && state === "ready")?.options, "check backup");
});

test("weights keep their relation within HAProxy's 256, and words bring no lines of their own", () => {
  const scaled = servers(
    backend("a", 1, { weight: 65_535 }),
    backend("b", 2, { weight: 1 }),
    backend("c", 3, { weight: 0 }),
  );
  assert.deepEqual(Object.fromEntries(scaled.map(({ id, weight }) => [id, weight])), { a: 256, b: 1, c: 0 });
  assert.deepEqual(
    servers(backend("a", 1, { weight: 0 })).map(({ weight }) => weight),
    [1],
  );
  assert.equal(plain('backup\nserver x 1.2.3.4:1 # "y"'), "backupserver x 1.2.3.4:1 y");
  const [own] = toServers([backend("a", 7)], "check port %{port} addr %{host}", "");
  assert.equal(own?.options, "check port 7 addr 10.0.0.1");
});

const CONFIG: HaproxyConfig = {
  ...{
    configPath: "/x",
    candidatePath: "/x.new",
    socketPath: "/s",
    reloadCommand: "r",
    checkCommand: "c",
    writes: true,
  },
  ...{
    reloadMs: 2000,
    jitter: 0,
    global: ["maxconn 10"],
    defaults: ["mode http"],
    shared: [],
    bindAddress: "localhost",
  },
  ...{ sections: { "listen stats": ["bind :1"] }, orderSeed: "" },
};
const SERVICE: ProxiedService = {
  ...{ port: 80, bindAddress: "127.0.0.1", bindOptions: "", serverOptions: "check", frontend: ["option httplog"] },
  ...{ backend: ["cookie SRV insert"], backendName: "web", shared: [] },
};

test("a file that was written is read again, and has one structure whoever is in its slots", () => {
  const services = (slots: readonly Slot[]) => [{ name: "web", haproxy: SERVICE, slots }];
  const laid = (slots: readonly Slot[]) => render(CONFIG, services(slots)).join("");
  const structure = (slots: readonly Slot[]) => digestsOf(CONFIG, services(slots)).structure;
  const first = layOut([], servers(backend("a 1", 1), backend("six", 2, { address: "2001:db8::1" })), "check");
  const text = laid(first);
  assert.match(text, /^frontend web\n\toption httplog\n\tbind 127\.0\.0\.1:80\n\tdefault_backend web$/m);
  assert.match(text, /^\tserver s\d \[2001:db8::1\]:2 id \d cookie s\d check weight 100 # six$/m);
  assert.match(text, /^\tserver s3 127\.0\.0\.1:1 id 3 cookie s3 check weight 1 disabled # $/m);
  assert.deepEqual(slotsOf(text).get("web"), first);
  const second = place(first, servers(backend("new", 9, { isDraining: true }))).slots;
  assert.notEqual(laid(second), text);
  assert.equal(structure(second), structure(first));
  assert.deepEqual(digestsOfText(laid(second)), digestsOf(CONFIG, services(second)));
  assert.notEqual(structure(layOut(first, servers(backend("o", 1, { options: "backup" })), "check")), structure(first));
  assert.equal(slotsOf("backend web\n\tserver s1 1.1.1.1:1 id 1 weight 1 # a\n").size, 0, "another's file");
});

/** As HAProxy 2.6.12 says it, with columns in between left out. */
const STATE = `1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_port
3 web 1 s1 10.0.0.1 2 0 100 100 1
3 web 2 s2 127.0.0.1 0 5 1 1 1
3 web 3 s3 10.0.0.3 2 8 100 100 3

`;

test("the socket is told what differs, and nothing else", () => {
  const live = readServers(STATE);
  const slot = (name: string, more: Partial<Slot>): Slot => ({
    ...{ name, id: name, address: "10.0.0.1", port: 1, weight: 100, options: "", state: "ready" },
    ...more,
  });
  const gone = slot("s2", { state: "maint" });
  const drained = slot("s3", { address: "10.0.0.3", port: 3, state: "drain" });
  assert.deepEqual(commandsFor("web", [slot("s1", {}), gone, drained], live), { commands: [], isMissing: false });
  assert.deepEqual(
    commandsFor("web", [slot("s1", { state: "maint" }), slot("s2", { port: 9 }), slot("s3", {})], live).commands,
    [
      "set server web/s1 state maint",
      "set server web/s2 addr 10.0.0.1 port 9",
      "set server web/s2 weight 100",
      "set server web/s2 state ready",
      "set server web/s3 addr 10.0.0.1 port 1",
      "set server web/s3 state ready",
    ],
  );
  assert.equal(commandsFor("web", [slot("s4", {})], live).isMissing, true);
  assert.equal(commandsFor("other", [], live).isMissing, true);
});

test("answers: what was done, and what was not", () => {
  assert.equal(readPid("Name: HAProxy\nPid: 4711\nUptime: 0d\n"), 4711);
  assert.equal(refusedBy("\nIP changed from '127.0.0.1' to '10.0.0.1' by 'stats socket command'\n\n\n"), undefined);
  assert.equal(refusedBy("\nno need to change the addr\n\n"), undefined);
  assert.equal(refusedBy("No such server.\n\n"), "No such server.");
});
