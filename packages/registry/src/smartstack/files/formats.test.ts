/** A service's servers as a file of each format. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import type { Backend } from "../config.ts";
import { toText } from "./formats.ts";

const BASIC = { weight: 100, isDraining: false, options: "", meta: {}, tags: [], zone: "" } as const;
const TWO: readonly Backend[] = [
  { ...BASIC, id: "b", address: "2001:db8::1", port: 2, isDraining: true },
  { ...BASIC, id: "a", address: "10.0.0.1", port: 1, meta: { "a-z": "x\ny" }, tags: ["t"], zone: "z" },
];

const text = (format: Parameters<typeof toText>[0], backends = TWO, template = "") =>
  toText(format, "orders-api", backends, template);

test("JSON and YAML as Synapse has it, in one order whoever came first", () => {
  const one = { name: "a", host: "10.0.0.1", port: 1, id: 1, weight: 100, labels: { "a-z": "x\ny" } };
  const other = { name: "b", host: "2001:db8::1", port: 2, id: 2, weight: 100, labels: {} };
  assert.deepEqual(JSON.parse(text("json")), [one, other]);
  assert.deepEqual(parse(text("yaml")), { "orders-api": [one, other] });
  assert.equal(text("json"), text("json", [...TWO].reverse()));
});

test("an environment, of those that take calls", () => {
  assert.equal(text("env"), 'ORDERS_API_HOST=10.0.0.1\nORDERS_API_PORT=1\nORDERS_API_ADDRESSES="10.0.0.1:1"\n');
  assert.equal(text("env", []), 'ORDERS_API_HOST=\nORDERS_API_PORT=\nORDERS_API_ADDRESSES=""\n');
});

test("Prometheus' file_sd: a group for each", () => {
  const [one, other] = JSON.parse(text("prometheus"));
  assert.deepEqual([one.targets, other.targets], [["10.0.0.1:1"], ["[2001:db8::1]:2"]]);
  assert.equal(one.labels.__meta_rollcall_meta_a_z, "x\ny");
  assert.equal(one.labels.__meta_rollcall_tags, ",t,");
});

test("an upstream of nginx, which is never empty", () => {
  assert.equal(
    text("nginx"),
    "upstream orders-api {\n    server 10.0.0.1:1 weight=100;\n    server [2001:db8::1]:2 down;\n}\n",
  );
  assert.equal(text("nginx", []), "upstream orders-api {\n    server 127.0.0.1:1 down;\n}\n");
});

test("a template, into which nobody brings lines of their own", () => {
  const template =
    "# {{service}} {{count}}\n{{#instances}}\n{{id}}={{place}} {{meta.a-z}} {{none}}|{{service}}\n{{/instances}}\nend\n";
  assert.equal(
    text("template", TWO, template),
    "# orders-api 2\na=10.0.0.1:1 x y |orders-api\nb=[2001:db8::1]:2  |orders-api\nend\n",
  );
});
