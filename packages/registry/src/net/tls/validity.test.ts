import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeValidity } from "./validity.ts";

/** Valid from 2026-11-30T04:46:57Z to 2026-12-30T04:46:57Z. */
const PEM = `-----BEGIN CERTIFICATE-----
MIIBeTCCAR+gAwIBAgIUTLED/16reqxDW6zjnbNKCKEvercwCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHZml4dHVyZTAeFw0yNjExMzAwNDQ2NTdaFw0yNjEyMzAwNDQ2
NTdaMBIxEDAOBgNVBAMMB2ZpeHR1cmUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AAR5pGKgznAMxh2E9JZF+Q/pICfTJZ8TdxiZI00AQEJXPGfcSYMzhoq+Mz9YA0DI
inX/dkvjh6l8uzPbfgfaMAGvo1MwUTAdBgNVHQ4EFgQUiphXc22I9+LA5lbmB3TQ
1nWXZ84wHwYDVR0jBBgwFoAUiphXc22I9+LA5lbmB3TQ1nWXZ84wDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiAZSXw+5QkIBNb+yEoogZYenWSdYKlL
3TlrWZxvSUkIawIhAISZDJVQJsAAm1nSrSTjU+SvWL7JlboLPeW5YtUtT6Pb
-----END CERTIFICATE-----
`;

test("certificates are judged by their time, to the second", () => {
  for (const [at, words] of [
    ["2026-11-30T04:46:56Z", "(CN=fixture) is not valid before 2026-11-30T04:46:57Z"],
    ["2026-11-30T04:46:57Z", undefined],
    ["2026-12-16T04:46:56Z", undefined],
    ["2026-12-16T04:46:57Z", "(CN=fixture) expires on 2026-12-30T04:46:57Z"],
    ["2026-12-30T04:46:57Z", "(CN=fixture) expires on 2026-12-30T04:46:57Z"],
    ["2026-12-30T04:46:58Z", "(CN=fixture) has expired on 2026-12-30T04:46:57Z"],
  ] as const)
    assert.deepEqual(judgeValidity(PEM, Date.parse(at)), words === undefined ? [] : [words], at);
});

test("each certificate of a file is judged, and what is none is left alone", () => {
  const late = Date.parse("2030-01-01T00:00:00Z");
  const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  assert.equal(judgeValidity(`${PEM}text\n${broken}${PEM}`, late).length, 2);
  assert.deepEqual(judgeValidity("", late), []);
});
