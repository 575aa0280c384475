/** Datagrams on a wildcard: each address of the machine answers for itself, as addresses come and go. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { PortTaken } from "../../packages/registry/src/net/hosts/taken.ts";
import { addressesOf, isWildcard } from "../../packages/registry/src/net/hosts/wildcard.ts";
import { openUdpListener, type UdpOptions } from "../../packages/registry/src/net/udp/listener.ts";
import { openUdp } from "../dns/rig.ts";
import type { Scope } from "../harness/scope.ts";
import { eventually, type Logged } from "./rig.ts";

/** Echoes on a wildcard, on a machine that has these addresses. */
async function openEcho(scope: Scope, addresses: UdpOptions["addresses"], host = "0.0.0.0", port = 0) {
  const logged: Logged[] = [];
  const at =
    (level: string) =>
    (fields: object, message: string): void => {
      logged.push({ level, message, fields: fields as Record<string, unknown> });
    };
  const log = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  const echo = await openUdpListener({ host, port, log, ...(addresses && { addresses }) }, (packet, from, socket) => {
    socket.send(packet, from.port, from.address);
  });
  scope.after(() => echo.close());
  return { echo, logged };
}

/** From which address a packet to this one is answered; undefined when the system says that nobody is there. */
async function answererOf(address: string, port: number): Promise<string | undefined> {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  try {
    socket.connect(port, address);
    await once(socket, "connect");
    const answer = new Promise<string | undefined>((resolve) => {
      socket.on("message", (_packet, from) => resolve(from.address));
      socket.on("error", () => resolve(undefined));
    });
    socket.send("echo");
    return await answer;
  } finally {
    socket.close();
  }
}

test("each address answers for itself", async (t) => {
  const { echo } = await openEcho(t, () => new Set(["127.0.0.1", "127.0.0.2", "127.1.2.3"]));
  for (const address of ["127.0.0.1", "127.0.0.2", "127.1.2.3"])
    assert.equal(await answererOf(address, echo.port), address);
  // What no interface has could only be answered from another address.
  assert.equal(await answererOf("127.0.0.9", echo.port), undefined);
});

test("addresses come and go while it runs", async (t) => {
  let addresses = new Set(["127.0.0.1"]);
  const { echo, logged } = await openEcho(t, () => addresses);
  assert.equal(await answererOf("127.0.0.2", echo.port), undefined);
  addresses = new Set(["127.0.0.1", "127.0.0.2"]);
  await eventually(() => logged.length === 1);
  assert.equal(await answererOf("127.0.0.2", echo.port), "127.0.0.2");
  addresses = new Set(["127.0.0.2"]);
  await eventually(() => logged.length === 2);
  assert.equal(await answererOf("127.0.0.1", echo.port), undefined);
  assert.equal(await answererOf("127.0.0.2", echo.port), "127.0.0.2");
  assert.deepEqual(
    logged.map(({ level, fields }) => [level, fields.address]),
    [
      ["info", "127.0.0.2"],
      ["info", "127.0.0.1"],
    ],
  );
});

test("both families on ::, one on 0.0.0.0, and links by their names", async (t) => {
  const six = addressesOf("::");
  const { echo } = await openEcho(t, undefined, "::");
  for (const address of ["127.0.0.1", "::1"]) {
    if (six.has(address)) assert.equal(await answererOf(address, echo.port), address);
  }
  assert.ok([...addressesOf("0.0.0.0")].every((address) => !address.includes(":")));
  for (const address of six) assert.equal(address.startsWith("fe80"), address.includes("%"), address);
});

test("a wildcard is one however it is spelled", () => {
  for (const address of ["0.0.0.0", "::", "::0", "0:0:0:0:0:0:0:0", "::0.0.0.0"]) assert.ok(isWildcard(address));
  for (const address of ["127.0.0.1", "::1", "10.0.0.0", "localhost", "", "0", ":"]) assert.ok(!isWildcard(address));
});

test("a port that another program has at any address is taken", async (t) => {
  const other = await openUdp("udp4", "127.0.0.7");
  t.after(() => {
    other.close();
  });
  const { port } = other.address();
  await assert.rejects(openEcho(t, undefined, "0.0.0.0", port), PortTaken);
  // No program may take a port from us, whatever it says of sharing.
  const { echo } = await openEcho(t, () => new Set(["127.0.0.1"]));
  const thief = createSocket({ type: "udp4", reuseAddr: true });
  t.after(() => {
    thief.close();
  });
  thief.bind(echo.port, "127.0.0.1");
  const [error] = await once(thief, "error");
  assert.equal(error.code, "EADDRINUSE");
});

test("an address that cannot be had yet is told once, and had when it can", async (t) => {
  let addresses = new Set(["127.0.0.1"]);
  const { echo, logged } = await openEcho(t, () => addresses);
  const other = await openUdp("udp4", "127.0.0.2", echo.port);
  // TEST-NET-2 is not of this machine: a link may name an address that is not usable yet.
  addresses = new Set(["127.0.0.1", "127.0.0.2", "198.51.100.1"]);
  await eventually(() => logged.length > 0);
  assert.equal(logged[0]?.level, "warn");
  assert.match(logged[0]?.message ?? "", /^127\.0\.0\.2:\d+ is taken by another program$/);
  other.close();
  await eventually(() => logged.length > 1);
  assert.equal(logged[1]?.level, "info");
  assert.equal(await answererOf("127.0.0.2", echo.port), "127.0.0.2");
  assert.equal(logged.length, 2);
});

test("a system that does not tell its addresses is no reason to answer from a wrong one", async (t) => {
  let addresses = (): Set<string> => {
    throw new Error("uv_interface_addresses returned EAFNOSUPPORT");
  };
  await assert.rejects(
    openEcho(t, () => addresses()),
    /does not tell this machine's addresses \(.*EAFNOSUPPORT\); listen on one address, or let this process use netlink/,
  );
  const failing = addresses;
  addresses = () => new Set(["127.0.0.1"]);
  const { echo, logged } = await openEcho(t, () => addresses());
  addresses = failing;
  await eventually(() => logged.length > 0);
  assert.equal(logged[0]?.level, "warn");
  assert.equal(await answererOf("127.0.0.1", echo.port), "127.0.0.1");
});
