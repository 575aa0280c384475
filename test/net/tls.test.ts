/** TLS on the HTTP listener: client certificates, old versions, and certificates that change under it. */
import assert from "node:assert/strict";
import { copyFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import type { TlsOptions } from "../../packages/registry/src/net/certificates.ts";
import { request } from "../harness/requests.ts";
import { type Scope, temporaryDirectory } from "../harness/scope.ts";
import { createAuthority } from "./authority-rig.ts";
import { eventually, type NetRig, openListener, serve } from "./rig.ts";

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
  await assert.rejects(request(rig.url.replace("https", "http")), /hang up|ECONNRESET|Parse Error/);
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
