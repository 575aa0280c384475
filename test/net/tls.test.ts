/** TLS on the HTTP listener: client certificates, old versions, and certificates that change under it. */
import assert from "node:assert/strict";
import { copyFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { SeldomLog } from "../../packages/registry/src/net/log.ts";
import type { TlsOptions } from "../../packages/registry/src/net/tls/certificates.ts";
import { request } from "../harness/requests.ts";
import { type Scope, temporaryDirectory } from "../harness/scope.ts";
import { createAuthority } from "./authority-rig.ts";
import { eventually, type NetRig, openListener, openSocket, serve } from "./rig.ts";

const TIMEOUT = { timeout: 30_000 };

async function openSecure(scope: Scope, tls: TlsOptions): Promise<NetRig> {
  const rig = await openListener(scope, { tls });
  serve(rig.listener, "/", "test", (_request, reply) => reply.send(200, {}, "secure"));
  return rig;
}

/** The common name that the listener shows on a new connection. */
function shownName(rig: NetRig, ca: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect({ host: "127.0.0.1", port: rig.listener.port, ca }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

test("requests over TLS are answered; plain ones and old versions are not", TIMEOUT, async (t) => {
  const authority = createAuthority(temporaryDirectory(t), "root");
  const server = authority.sign("server", "first");
  const rig = await openSecure(t, { certFile: server.cert, keyFile: server.key });
  assert.equal(rig.listener.secure, true);
  const ca = readFileSync(authority.ca);
  assert.equal((await request(rig.url, { connection: { ca } })).text, "secure");
  assert.equal((await request(rig.url.replace("https", "http"))).status, 400);
  await assert.rejects(
    request(rig.url, { connection: { ca, maxVersion: "TLSv1.1", minVersion: "TLSv1", ciphers: "ALL@SECLEVEL=0" } }),
    /protocol version|alert|EPROTO/i,
  );
  await assert.rejects(request(rig.url), /certificate/);
  await eventually(() => rig.listener.connections === 0);
});

test("client certificates: required, requested, of another authority", TIMEOUT, async (t) => {
  const directory = temporaryDirectory(t);
  const authority = createAuthority(directory, "root");
  const server = authority.sign("server", "server");
  const client = authority.sign("client", "client");
  const stranger = createAuthority(directory, "other").sign("stranger", "stranger");
  const ca = readFileSync(authority.ca);
  const as = ({ cert, key }: { cert: string; key: string }) => ({
    connection: { ca, cert: readFileSync(cert), key: readFileSync(key) },
  });
  const files = { certFile: server.cert, keyFile: server.key, caFile: authority.ca };

  const strict = await openSecure(t, { ...files, clientCertificates: "require" });
  assert.equal((await request(strict.url, as(client))).text, "secure");
  await assert.rejects(request(strict.url, { connection: { ca } }));
  await assert.rejects(request(strict.url, as(stranger)));

  const lenient = await openSecure(t, { ...files, clientCertificates: "request" });
  assert.equal((await request(lenient.url, as(client))).text, "secure");
  assert.equal((await request(lenient.url, { connection: { ca } })).text, "secure");

  await assert.rejects(
    openSecure(t, { certFile: server.cert, keyFile: server.key, clientCertificates: "require" }),
    /need the certificate authority's file/,
  );
});

test("a new certificate is shown without a restart; a broken one leaves the old", TIMEOUT, async (t) => {
  const directory = temporaryDirectory(t);
  const authority = createAuthority(directory, "root");
  const ca = readFileSync(authority.ca);
  const [first, second] = [authority.sign("first", "first"), authority.sign("second", "second")];
  const [certFile, keyFile] = [join(directory, "live.pem"), join(directory, "live.key")];
  const install = (from: { cert: string; key: string }): void => {
    // As renewals do it: a new file takes the old one's place.
    for (const [source, target] of [
      [from.cert, certFile],
      [from.key, keyFile],
    ] as const) {
      copyFileSync(source, `${target}.new`);
      renameSync(`${target}.new`, target);
    }
  };
  install(first);
  const rig = await openSecure(t, { certFile, keyFile });
  assert.equal(await shownName(rig, ca), "first");

  writeFileSync(certFile, "this is no certificate");
  await eventually(() => rig.logged.some(({ level }) => level === "error"));
  assert.equal(await shownName(rig, ca), "first");

  install(second);
  await eventually(() => rig.logged.some(({ message }) => message === "certificate read again"));
  assert.equal(await shownName(rig, ca), "second");
});

test("files that cannot be read or do not belong together are told in a sentence", TIMEOUT, async (t) => {
  const directory = temporaryDirectory(t);
  const authority = createAuthority(directory, "root");
  const [one, other] = [authority.sign("one", "one"), authority.sign("other", "other")];
  await assert.rejects(openSecure(t, { certFile: join(directory, "none.pem"), keyFile: one.key }), /cannot be read/);
  await assert.rejects(openSecure(t, { certFile: one.cert, keyFile: other.key }), /no usable pair/);
});

test("a handshake that never comes holds no connection for ever", TIMEOUT, async (t) => {
  const authority = createAuthority(temporaryDirectory(t), "root");
  const server = authority.sign("server", "server");
  const tls = { certFile: server.cert, keyFile: server.key };
  const rig = await openListener(t, { tls, limits: { headersTimeoutMs: 300 } });
  const silent = connectTcp(rig.listener.port, "127.0.0.1");
  silent.on("error", () => {});
  await eventually(() => rig.listener.connections === 1);
  await eventually(() => rig.listener.connections === 0);
});

/** What the log warned of, but for certificates that expire soon: those of tests do. */
function warned({ logged }: NetRig): string[] {
  const told = logged.filter(({ level, message }) => level === "warn" && !/expires on/.test(message));
  return told.map(({ message, fields }) => `${fields.address ?? ""} ${message}`.trim());
}

for (const pieces of [
  ["GET / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["G", "ET / HTTP/1.1\r\n"],
  ["DELETE /v2/default HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", "x".repeat(100_000)],
  ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
])
  test(`plain HTTP on a port with TLS gets a sentence: ${pieces[0]?.slice(0, 10)}`, TIMEOUT, async (t) => {
    const authority = createAuthority(temporaryDirectory(t), "root");
    const server = authority.sign("server", "server");
    const rig = await openSecure(t, { certFile: server.cert, keyFile: server.key });
    for (let i = 0; i < 3; i++) {
      const client = openSocket(t, rig.listener.port);
      for (const piece of pieces) client.write(piece);
      const text = await client.closed;
      assert.match(text, /^HTTP\/1\.1 400 Bad Request\r\n.*this port speaks TLS, .*: use https/s);
    }
    const lines = ["127.0.0.1 a client spoke plain HTTP on a port with TLS: its URL should begin with https"];
    assert.deepEqual(warned(rig), lines, "once a minute");
    assert.equal((await request(rig.url, { connection: { ca: readFileSync(authority.ca) } })).text, "secure");
    await eventually(() => rig.listener.connections === 0);
  });

test("TLS on a port with plain HTTP gets a line in the log", TIMEOUT, async (t) => {
  const rig = await openListener(t);
  serve(rig.listener, "/", "test", (_request, reply) => reply.send(200, {}, "plain"));
  await assert.rejects(request(rig.url.replace("http", "https")), /wrong version number|EPROTO|packet length/i);
  await eventually(() => warned(rig).length > 0);
  assert.match(warned(rig).join(), /^127\.0\.0\.1 a client spoke TLS on a port with plain HTTP/);
  assert.equal((await request(rig.url)).text, "plain");
});

test(
  "client certificates that are refused, and handshakes that fail, get a line with the reason",
  TIMEOUT,
  async (t) => {
    const directory = temporaryDirectory(t);
    const authority = createAuthority(directory, "root");
    const [server, expired] = [authority.sign("server", "server"), authority.sign("expired", "expired", -1)];
    const stranger = createAuthority(directory, "other").sign("stranger", "stranger");
    const ca = readFileSync(authority.ca);
    const as = ({ cert, key }: { cert: string; key: string }) => ({ cert: readFileSync(cert), key: readFileSync(key) });
    const files = { certFile: server.cert, keyFile: server.key, caFile: authority.ca };
    for (const [connection, line] of [
      [{ ca }, /a client was refused: it has no certificate/],
      [{ ca, ...as(stranger) }, /a client was refused: its certificate is not accepted: its authority is not ours/],
      [{ ca, ...as(expired) }, /a client was refused: its certificate is not accepted: it has expired/],
      // It says why, but the reset that follows may overtake it.
      [{}, /a client refused our side of a TLS handshake: unknown ca|a client went away during its TLS handshake/],
      [{ ca, maxVersion: "TLSv1.1", minVersion: "TLSv1", ciphers: "ALL@SECLEVEL=0" }, /handshake failed: .*protocol/],
    ] as const) {
      const rig = await openSecure(t, { ...files, clientCertificates: "require" });
      for (let i = 0; i < 3; i++) await assert.rejects(request(rig.url, { connection }));
      await eventually(() => warned(rig).length > 0 && rig.listener.connections === 0);
      const [first = "", ...more] = warned(rig);
      assert.match(first, line);
      assert.match(first, /^127\.0\.0\.1 /);
      assert.deepEqual(more, []);
    }
  },
);

test("a flood of failures fills no log", () => {
  const told: object[] = [];
  const log = new SeldomLog({ warn: (fields) => void told.push(fields) });
  for (let i = 0; i < 1000; i++) log.warn(`10.0.${i % 250}.1`, "a client failed");
  assert.equal(told.length, 20);
});

test(
  "certificates whose time is over, or soon is, are told at the start and again; they are served",
  TIMEOUT,
  async (t) => {
    const authority = createAuthority(temporaryDirectory(t), "root");
    const server = authority.sign("server", "server", -1);
    const rig = await openSecure(t, { certFile: server.cert, keyFile: server.key, caFile: authority.ca, judgeMs: 50 });
    const told = (pattern: RegExp): number => rig.logged.filter(({ message }) => pattern.test(message)).length;
    assert.equal(told(/^the certificate .*server\.pem \(CN=server\) has expired on \d{4}-/), 1);
    assert.equal(told(/^the certificate authority .*root\.pem \(CN=root\) expires on \d{4}-/), 1);
    await eventually(() => told(/has expired on/) > 2);
    assert.equal((await request(rig.url, { connection: { rejectUnauthorized: false } })).text, "secure");
  },
);
