/** What the tests of the native API share: calls whose every answer is checked against the description of the API. */
import assert from "node:assert/strict";
import { Value } from "typebox/value";
import { SHAPES } from "../../packages/registry/src/dialects/http/open/openapi.ts";
import { SCHEMAS } from "../../packages/registry/src/dialects/http/open/schema.ts";
import { ROUTES } from "../../packages/registry/src/dialects/http/server/routes.ts";
import { type Pattern, Table } from "../../packages/registry/src/net/routes/table.ts";
import { type Answer, type RequestSpec, request } from "../harness/requests.ts";

const TABLE = new Table(ROUTES);
const REFERENCES = Object.fromEntries(
  Object.entries(SCHEMAS).map(([name, schema]) => [`#/components/schemas/${name}`, schema]),
);

/** Which routes have been answered with success in this process. */
export const covered = new Set<string>();

export function nameRoute(route: Pattern): string {
  return `${route.method} ${route.pattern}`;
}

/** Fails unless the value has this shape. */
export function assertShape(name: keyof typeof SCHEMAS, value: unknown, note = ""): void {
  const schema = SCHEMAS[name];
  if (Value.Check(REFERENCES, schema, value)) return;
  const faults = Value.Errors(REFERENCES, schema, value).slice(0, 3);
  assert.fail(`${note}: not a ${name}: ${JSON.stringify(faults)} in ${JSON.stringify(value).slice(0, 1000)}`);
}

/** Checks what every answer of the API has to keep to. */
export function assertAnswer(method: string, path: string, answer: Answer): void {
  const note = `${method} ${path} -> ${answer.status} ${answer.text.slice(0, 300)}`;
  if (answer.status === 304) return;
  // What is long goes out in parts (RFC 9112 §7.1).
  const isParted = answer.headers["transfer-encoding"] === "chunked";
  assert.equal(answer.headers["content-length"] === undefined, isParted, note);
  if (answer.status >= 400) {
    assert.equal(answer.headers["content-type"], "application/problem+json", note);
    assertShape("Problem", answer.json(), note);
    assert.equal(answer.json().status, answer.status, note);
    assert.match(answer.json().type, /^https:\/\/rollcall\.dev\/problems\/[a-z-]+$/, note);
    return;
  }
  const match = TABLE.match(path.split("?", 1)[0] ?? "");
  const route = match?.routes.get(method);
  if (route === undefined) return;
  covered.add(nameRoute(route));
  const shapes = SHAPES[nameRoute(route)];
  assert.notEqual(shapes, undefined, `${nameRoute(route)} is not described`);
  assert.ok((shapes?.status ?? [200]).includes(answer.status), `${note}: an undescribed status`);
  if (shapes?.answer !== undefined && answer.headers["content-type"] === "application/json")
    assertShape(shapes.answer, answer.json(), note);
}

export interface Api {
  readonly url: string;
  /** One request; `path` begins behind the host. */
  call(method: string, path: string, body?: unknown, spec?: RequestSpec): Promise<Answer>;
  /** One request that must succeed; the parsed answer. */
  // biome-ignore lint/suspicious/noExplicitAny: tests assert on the values they read.
  ok<T = any>(method: string, path: string, body?: unknown, spec?: RequestSpec): Promise<T>;
  /** One request that must be refused so; the problem's detail. */
  refused(
    status: number,
    type: string,
    method: string,
    path: string,
    body?: unknown,
    spec?: RequestSpec,
  ): Promise<string>;
}

export function openApi(url: string, headers: Record<string, string> = {}): Api {
  const call: Api["call"] = async (method, path, body, spec = {}) => {
    const answer = await request(`${url}${path}`, {
      ...spec,
      method,
      ...(body === undefined ? {} : { body }),
      headers: { ...headers, ...spec.headers },
    });
    assertAnswer(method, path, answer);
    return answer;
  };
  return {
    url,
    call,
    async ok(method, path, body, spec) {
      const answer = await call(method, path, body, spec);
      assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
      return answer.json();
    },
    async refused(status, type, method, path, body, spec) {
      const answer = await call(method, path, body, spec);
      assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
      assert.equal(answer.json().type, `https://rollcall.dev/problems/${type}`);
      return answer.json().detail;
    },
  };
}

let accounts = 0;

/** An account that no other test of this process uses. */
export function nextAccount(): string {
  return `t${++accounts}`;
}
