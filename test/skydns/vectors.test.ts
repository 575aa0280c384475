/** Replays what the Go client sent to SkyDNS 1, byte for byte, and compares every answer with the original's. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { rawRequest } from "../harness/requests.ts";
import { ROOT } from "../harness/root.ts";
import { startSky } from "./rig.ts";

interface Exchange {
  readonly request: readonly string[];
  readonly body: string;
  readonly status: number;
  readonly type: string | null;
  readonly answer: string;
}

const FILE = join(ROOT, "packages/registry/src/dialects/skydns/vectors/go-0.2.0.json");

/** Answers differ from run to run in what is left of the time, and in nothing else. */
function toPattern(answer: string): RegExp {
  const escaped = answer.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(
    `^${escaped
      .replaceAll("\\{seconds\\}", "[1-9][0-9]?")
      .replaceAll("\\{time\\}", "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z")}$`,
  );
}

for (const settings of [{}, { secret: "secret-of-clients" }]) {
  const label = "secret" in settings ? "with its secret" : "to a server without a secret";
  test(`what the Go client sends ${label} is answered as by the original`, async (t) => {
    const sky = await startSky(t, { settings });
    const port = sky.rollcall.port("skydns");
    const { exchanges } = JSON.parse(readFileSync(FILE, "utf8")) as { exchanges: readonly Exchange[] };
    assert.ok(exchanges.length > 15);
    for (const { request, body, status, type, answer } of exchanges) {
      const head = request.join("\r\n").replace("{host}", `127.0.0.1:${port}`);
      const { text } = await rawRequest(port, `${head}\r\n\r\n${body}`, { idleMs: 30 });
      const [lines = "", ...rest] = text.split("\r\n\r\n");
      const note = `${request[0]}: ${text}`;
      assert.equal(Number(lines.split(" ")[1]), status, note);
      assert.equal(/^content-type: (.*)$/im.exec(lines)?.[1] ?? null, type, note);
      assert.match(rest.join("\r\n\r\n"), toPattern(answer), note);
      assert.equal(/^content-length: (.*)$/im.exec(lines)?.[1], String(rest.join("").length), note);
    }
  });
}
