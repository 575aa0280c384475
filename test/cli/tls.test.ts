/** The command line over TLS, with an authority and client certificates of our own. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { after, test } from "node:test";
import type { ServicesBody } from "@rollcall/client";
import { requirePackage } from "../harness/packages.ts";
import { startRollcall } from "../harness/program.ts";
import { temporaryDirectory } from "../harness/scope.ts";
import { commandLine, run } from "./rig.ts";

const scope = { after };
const openssl = requirePackage("openssl", "openssl");

/** An authority, and certificates of the server and a client that it signed. */
function makeCertificates(): (name: string) => string {
  const directory = temporaryDirectory(scope);
  const file = (name: string) => join(directory, name);
  const run = (...args: string[]) => void execFileSync(openssl.path, args, { stdio: "pipe" });
  const fresh = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  run(...fresh, "-subj", "/CN=authority", "-keyout", file("ca.key"), "-out", file("ca.pem"));
  for (const name of ["server", "client"]) {
    const signed = ["-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-addext", "subjectAltName=IP:127.0.0.1"];
    run(
      ...fresh,
      ...signed,
      "-addext",
      "basicConstraints=critical,CA:FALSE",
      "-subj",
      `/CN=${name}`,
      "-keyout",
      file(`${name}.key`),
      "-out",
      file(`${name}.pem`),
    );
  }
  return file;
}

test("commands reach a registry that requires client certificates", { skip: openssl.skip }, async () => {
  const file = makeCertificates();
  const server = await startRollcall(scope, {
    flags: [
      "--tls-cert",
      file("server.pem"),
      "--tls-key",
      file("server.key"),
      "--tls-ca",
      file("ca.pem"),
      "--tls-client-certificates",
      "require",
    ],
  });
  assert.match(server.url, /^https:/);
  const { cli, json } = commandLine(server.url);
  const own = {
    env: {
      ROLLCALL_CA: file("ca.pem"),
      ROLLCALL_CLIENT_CERT: file("client.pem"),
      ROLLCALL_CLIENT_KEY: file("client.key"),
    },
  };
  await cli(["register", "api", "1", "--port", "80"], 0, own);
  assert.equal((await json<ServicesBody>(["services"], own)).services[0]?.service, "api");
  await cli(["config", "set", "k", "v"], 0, own);
  assert.equal((await cli(["config", "get", "k"], 0, own)).stdout, "v");
  await cli(["config", "get", "nope"], 4, own);

  const unknown = await run(["services", "--url", server.url]);
  assert.equal(unknown.code, 3);
  assert.match(unknown.stderr, /certificate[\s\S]*--ca/);
  const anonymous = await run(["services", "--url", server.url, "--ca", file("ca.pem")]);
  assert.equal(anonymous.code, 3);
  const plain = await run(["services", "--url", server.url.replace("https:", "http:")]);
  assert.equal(plain.code, 3);
  assert.match(plain.stderr, /is out of reach[\s\S]*If it speaks TLS, its URL begins with https:\/\//);
  const nowhere = await run(["services", "--url", server.url, "--ca", file("nowhere.pem")]);
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.stderr, /nowhere\.pem: there is no such file/);
});

test("a registry without TLS is told from one that is not there", async () => {
  const server = await startRollcall(scope);
  const { code, stderr } = await run(["services", "--url", server.url.replace("http:", "https:")]);
  assert.equal(code, 3);
  assert.match(stderr, /is out of reach: it speaks no TLS\nIts URL begins with http:\/\//);
});
