/**
 * Replays request and answer pairs of the main routes, byte for byte, against a fresh registry. What differs from run
 * to run stands as a placeholder: `{time}`, `"{revision}"` for a number, `{position}` for one with its mark, and `{mark}`
 * for that alone.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startRollcall } from "../harness/program.ts";
import { rawRequest } from "../harness/requests.ts";
import { ROOT } from "../harness/root.ts";
import { assertAnswer } from "./rig.ts";

interface Exchange {
  readonly name: string;
  readonly request: readonly string[];
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const FOLDER = join(ROOT, "packages/registry/src/dialects/http/vectors");

function toPattern(expected: string): RegExp {
  const pattern = expected
    .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replace(/\\\{time\\\}/g, "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z")
    .replace(/:"\\\{revision\\\}"/g, ":\\d+")
    .replace(/\\\{revision\\\}/g, "\\d+")
    .replace(/\\\{position\\\}/g, "\\d+~[0-9a-f]{12}")
    .replace(/\\\{mark\\\}/g, "[0-9a-f]{12}");
  return new RegExp(`^${pattern}$`);
}

for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".json"))) {
  test(`the exchanges in ${file} come out as they were`, async (context) => {
    const rollcall = await startRollcall(context);
    const exchanges: Exchange[] = JSON.parse(readFileSync(join(FOLDER, file), "utf8"));
    assert.ok(exchanges.length > 0);
    for (const { name, request, status, headers, body } of exchanges) {
      const { text } = await rawRequest(rollcall.port(), request.join("\r\n"), { idleMs: 10_000 });
      const end = text.indexOf("\r\n\r\n");
      const [line = "", ...fields] = text.slice(0, end).split("\r\n");
      const answered = new Map(
        fields.map((field) => [field.slice(0, field.indexOf(":")).toLowerCase(), field.slice(field.indexOf(":") + 2)]),
      );
      assert.equal(Number(line.split(" ")[1]), status, `${file}: ${name}: ${text}`);
      for (const [header, value] of Object.entries(headers))
        assert.match(
          answered.get(header) ?? "",
          toPattern(value),
          `${file}: ${name}: ${header}: ${answered.get(header)}\n${text}`,
        );
      assert.match(text.slice(end + 4), toPattern(body), `${file}: ${name}: ${text}`);
      checkShape(request[0] ?? "", status, Object.fromEntries(answered), text.slice(end + 4));
    }
  });
}

/** The answers that are kept here must also be what the description says. */
function checkShape(first: string, status: number, headers: Record<string, string>, text: string): void {
  const [method = "", path = ""] = first.split(" ");
  const bytes = Buffer.from(text, "latin1");
  assertAnswer(method, path, { status, headers, rawHeaders: [], bytes, text, json: () => JSON.parse(text) });
}
