/**
 * Replays what the real clients sent, byte for byte, and compares every answer with the one that they were given then.
 * Placeholders stand for what differs from run to run: the first time one comes up in an answer it takes its value,
 * and from then on it stands for that, in requests too.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { rawRequest } from "../harness/requests.ts";
import { ROOT } from "../harness/root.ts";
import { startRackspace } from "./rig.ts";

interface Exchange {
  readonly request: readonly string[];
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: readonly string[];
}

const FOLDER = join(ROOT, "packages/registry/src/dialects/rackspace/vectors");

const SHAPES: readonly [kind: RegExp, shape: string][] = [
  [/^uuid-/, "[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"],
  [/^session-/, "se[A-Za-z0-9]{8}"],
  [/^token$/, "[A-Za-z0-9._~+/=-]+"],
  [/^tenant$/, "[0-9]+"],
  [/^expires$/, "[0-9T:.-]+"],
  [/^ms$/, "[0-9]{13}"],
  [/^txn$/, '[^"]+'],
];

/** Different each time that they come up. */
const FLEETING = new Set(["ms", "txn", "expires"]);
const PLACEHOLDER = /\{([a-z]+(?:-[0-9]+)?)\}/g;

class Values {
  readonly #known: Map<string, string>;

  constructor(host: string) {
    this.#known = new Map([["host", host]]);
  }

  fill(text: string): string {
    return text.replace(PLACEHOLDER, (all, name: string) => this.#known.get(name) ?? all);
  }

  /** Compares, and learns the values of placeholders that are new. */
  match(actual: string, expected: string, note: string): void {
    const fresh: string[] = [];
    const pattern = this.fill(expected)
      .split(PLACEHOLDER)
      .map((part, index) => (index % 2 === 0 ? part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&") : this.#shape(part, fresh)))
      .join("");
    const found = new RegExp(`^${pattern}$`).exec(actual);
    assert.ok(found, `${note}: expected\n${this.fill(expected)}\nbut got\n${actual}`);
    for (const [index, name] of fresh.entries()) {
      if (!FLEETING.has(name)) this.#known.set(name, found[index + 1] as string);
    }
  }

  #shape(name: string, fresh: string[]): string {
    const shape = SHAPES.find(([kind]) => kind.test(name))?.[1];
    assert.ok(shape, `unknown placeholder ${name}`);
    const earlier = fresh.indexOf(name);
    if (earlier >= 0 && !FLEETING.has(name)) return `\\${earlier + 1}`;
    fresh.push(name);
    return `(${shape})`;
  }
}

function parse(text: string) {
  const end = text.indexOf("\r\n\r\n");
  const [line = "", ...fields] = text.slice(0, end).split("\r\n");
  const headers = new Map(
    fields.map((field) => [field.split(":", 1)[0]?.toLowerCase(), field.replace(/^[^:]*: */, "")]),
  );
  return { status: Number(line.split(" ")[1]), headers, body: text.slice(end + 4) };
}

for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".json"))) {
  test(`what ${file.replace(".json", "")} sends is answered as it was`, async (t) => {
    const rollcall = await startRackspace(t);
    const values = new Values(`127.0.0.1:${rollcall.port()}`);
    const exchanges = JSON.parse(readFileSync(join(FOLDER, file), "utf8")) as Exchange[];
    assert.ok(exchanges.length > 10);
    for (const [index, { request, status, headers, body }] of exchanges.entries()) {
      const note = `${index}: ${values.fill(request[0] ?? "")}`;
      const sent = values.fill(request.join("\r\n"));
      assert.doesNotMatch(sent.replace(/\r\n\r\n.*/s, ""), PLACEHOLDER, note);
      const answer = parse((await rawRequest(rollcall.port(), sent, { idleMs: 40 })).text);
      assert.equal(answer.status, status, `${note}: ${answer.body}`);
      values.match(answer.body, body.join("\n"), note);
      for (const [name, value] of Object.entries(headers)) {
        values.match(answer.headers.get(name) ?? "", value, `${note}: ${name}`);
      }
      if (status !== 204) assert.equal(Number(answer.headers.get("content-length")), answer.body.length, note);
      assert.ok(answer.headers.has("x-response-id"), note);
    }
  });
}
