/**
 * Sends what the real clients sent, byte for byte, to the running registry: statuses, empty bodies where clients stumble
 * over anything else, and every registration comes back as it was.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readInstance } from "../../../packages/registry/src/dialects/eureka/wire/bodies.ts";
import type { InstanceInfo } from "../../../packages/registry/src/dialects/eureka/wire/messages.ts";
import { rawRequest } from "../../harness/requests.ts";
import { ROOT } from "../../harness/root.ts";
import { startEureka } from "../rig.ts";

interface Exchange {
  readonly request: readonly string[];
  readonly body?: string;
  readonly status: number;
  readonly info?: InstanceInfo;
}

const FOLDER = join(ROOT, "packages/registry/src/dialects/eureka/vectors");

function toBytes({ request, body = "" }: Exchange, host: string): Buffer {
  const head = `${request.join("\r\n").replaceAll("{host}", host)}\r\n\r\n`;
  const chunked = request.some((line) => /^transfer-encoding: chunked/i.test(line));
  if (!chunked) return Buffer.from(head + body);
  const middle = body.indexOf(",");
  const chunks = [body.slice(0, middle), body.slice(middle), ""].map(
    (chunk) => `${Buffer.byteLength(chunk).toString(16)}\r\n${chunk}\r\n`,
  );
  return Buffer.from(head + chunks.join(""));
}

/** What the client said, without what the server fills in. */
function said(info: InstanceInfo): object {
  const { leaseInfo, lastUpdatedTimestamp: _, lastDirtyTimestamp: __, actionType: ___, ...rest } = info;
  const { renewalIntervalInSecs, durationInSecs } = leaseInfo;
  return JSON.parse(JSON.stringify({ ...rest, renewalIntervalInSecs, durationInSecs }));
}

test("what real clients sent is answered as they expect", async (t) => {
  const { port, apps } = await startEureka(t);
  const files = readdirSync(FOLDER).filter((file) => !file.startsWith("netflix-codecs"));
  assert.ok(files.length >= 6);
  for (const file of files) {
    const { exchanges } = JSON.parse(readFileSync(join(FOLDER, file), "utf8")) as { exchanges: readonly Exchange[] };
    for (const exchange of exchanges) {
      const note = `${file}: ${exchange.request[0]}`;
      const { text } = await rawRequest(port, toBytes(exchange, `127.0.0.1:${port}`), { idleMs: 50 });
      const [head = "", body] = text.split("\r\n\r\n");
      assert.equal(Number(head.split(" ")[1]), exchange.status, `${note}\n${text}`);
      if (exchange.request[0]?.startsWith("GET ")) {
        const json = exchange.request.some((line) => /^accept: application\/json/i.test(line));
        assert.match(head, json ? /^content-type: application\/json/im : /^content-type: application\/xml/im, note);
        assert.ok(body, note);
      } else assert.equal(body, "", note);
      if (exchange.info === undefined) continue;
      const response = await fetch(`${apps}/${exchange.info.app}/${encodeURIComponent(exchange.info.instanceId)}`, {
        headers: { accept: "application/json" },
      });
      const back = readInstance("json", Buffer.from(await response.arrayBuffer()));
      assert.ok(back.ok, note);
      assert.deepEqual(said(back.value), said(exchange.info), note);
    }
  }
});
