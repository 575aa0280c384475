/** From a request to its answer: the order of the checks, and what becomes of what a handler returns. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Access, Principal } from "../../core/index.ts";
import { type Outcome, ok, refuse } from "../../outcome.ts";
import type { Reply, Streaming } from "../http/reply.ts";
import type { Request } from "../http/request.ts";
import type { Answer } from "./answer.ts";
import { type Call, type Handle, type Manner, type Route, serveRoutes } from "./serve.ts";

interface Desk {
  readonly access: Access;
}

function say(status: number, body = ""): Answer {
  return { status, head: {}, body };
}

/** Says each thing by a status of its own. */
const MANNER: Manner = {
  missing: (path) => say(404, path),
  method: (method, allow) => say(405, `${method}: ${allow}`),
  unknown: ({ detail }) => say(401, detail),
  refused: ({ refusal }) =>
    say({ invalid: 400, "too-large": 413, limit: 429, forbidden: 403 }[refusal as string] ?? 409),
  unsupported: ({ detail }) => say(415, detail),
  failed: (error) => say(500, String(error)),
};

const tokens = new Set(["known"]);

/**
 * Knows the token "known", and "new" once it has caught up; the account "closed" may not be touched,
 * "busy" has no requests left.
 */
const ACCESS = {
  authenticate: (token = ""): Outcome<Principal> =>
    tokens.has(token) ? ok({ account: null, role: "reader", name: "one" }) : refuse("forbidden", "who are you?"),
  catchUp: async () => void tokens.add("new"),
  allow: (_principal: Principal, account: string) => (account === "closed" ? refuse("forbidden", "no") : ok(true)),
  admit: (account: string) => (account === "busy" ? refuse("limit", "later") : ok(true)),
  resolve: (name: string) => (name === "none" ? refuse("invalid", "no name") : ok(name)),
} as unknown as Access;

interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly search?: string;
  readonly token?: string;
  readonly headers?: readonly string[];
  readonly body?: string;
}

interface Given {
  readonly status: number | undefined;
  readonly body: unknown;
  readonly aborted: boolean;
}

/** Asks without any socket. */
async function ask(routes: readonly Route<Desk>[], asked: Asked): Promise<Given> {
  const { method = "PUT", path = "/a/things/b", search = "", token = "known", headers = [], body = "{}" } = asked;
  let status: number | undefined;
  let said: unknown;
  let aborted = false;
  const request: Request = {
    method,
    path,
    search,
    rawHeaders: headers,
    token: token === "either" ? refuse("invalid", "two tokens") : ok(token),
    bodyBytes: body.length,
    remoteAddress: "",
    header: (lower) => headers[headers.indexOf(lower) + 1],
    takeBody: (bytesMax, done) =>
      done(
        body === "gone"
          ? refuse("unavailable", "gone")
          : body.length > bytesMax
            ? refuse("too-large", "")
            : ok(Buffer.from(body)),
      ),
  };
  const reply: Partial<Streaming> = {
    get sent() {
      return status !== undefined;
    },
    send(sentStatus, _headers, sentBody) {
      status = sentStatus;
      said = sentBody;
    },
    abort() {
      aborted = true;
    },
  };
  serveRoutes({ access: ACCESS }, routes, MANNER)(method, path, search).serve(request, reply as Streaming);
  await new Promise((resolve) => setImmediate(resolve));
  return { status, body: said, aborted };
}

function route(handle: Handle<Desk, Reply>): Route<Desk> {
  return {
    streams: false,
    method: "PUT",
    pattern: "/:account/things/:thing",
    role: "writer",
    body: { kind: "json", bytesMax: 100 },
    query: ["known"],
    summary: "",
    handle,
  };
}

test("a request fails at the first check that it does not pass", async () => {
  const never = route(() => assert.fail("the handler is reached"));
  const twice = ["if-match", "1", "If-Match", "2"];
  // Each is wrong in all that follows as well.
  const wrong: readonly (readonly [number, Asked])[] = [
    [404, { path: "/a", method: "GET", token: "" }],
    [405, { method: "GET", token: "" }],
    [400, { token: "either", path: "/none/things/%zz" }],
    [401, { token: "", headers: twice }],
    [400, { headers: twice, path: "/a/things/%zz" }],
    [400, { path: "/none/things/%zz" }],
    [400, { path: "/none/things/b", search: "x" }],
    [403, { path: "/closed/things/b", search: "x" }],
    [429, { path: "/busy/things/b", search: "x" }],
    [400, { search: "unknown=1", headers: ["content-type", "text/plain"] }],
    [415, { headers: ["content-type", "text/plain"], body: "x".repeat(200) }],
    [415, { headers: ["content-type", "application/json;charset=latin1"], body: "x".repeat(200) }],
    [413, { body: "x".repeat(200) }],
    [400, { body: "{" }],
  ];
  for (const [status, asked] of wrong) assert.equal((await ask([never], asked)).status, status, JSON.stringify(asked));
});

test("a token that was made at another node meanwhile is known to the request that brings it", async () => {
  assert.equal((await ask([route(() => say(200))], { token: "new" })).status, 200);
  assert.equal((await ask([route(() => say(200))], { token: "other" })).status, 401);
});

test("a handler gets what was asked, and its answer or refusal is given", async () => {
  const seen: Call<Desk>[] = [];
  const given = await ask(
    [
      route((call) => {
        seen.push(call);
        return say(201, "made");
      }),
    ],
    { path: "/a%62/things/c%2Fd", search: "known=1", body: '{"e":1}' },
  );
  assert.deepEqual(given, { status: 201, body: "made", aborted: false });
  const { account, params, query, json, role } = seen[0] as Call<Desk>;
  assert.deepEqual([account, params, query.get("known"), json, role], ["ab", ["c/d"], "1", { e: 1 }, "writer"]);
  assert.equal((await ask([route(async () => say(200))], {})).status, 200);
  assert.equal((await ask([route(async () => refuse("exists", ""))], {})).status, 409);
});

test("a route without an account in its path may belong to one", async () => {
  const here = { ...route(({ account }) => say(200, account)), pattern: "/things" };
  assert.equal((await ask([here], { path: "/things" })).body, "");
  assert.equal((await ask([{ ...here, account: "mine" }], { path: "/things" })).body, "mine");
  assert.equal((await ask([{ ...here, account: "closed" }], { path: "/things" })).status, 403);
});

test("what a handler throws is answered, or cuts an answer that has begun", async () => {
  const thrown = new Error("a bug");
  const failing: readonly Handle<Desk, Reply>[] = [
    () => {
      throw thrown;
    },
    async () => {
      throw thrown;
    },
  ];
  for (const handle of failing)
    assert.deepEqual(await ask([route(handle)], {}), { status: 500, body: "Error: a bug", aborted: false });
  const late = route(({ reply }) => {
    reply.send(200, {}, "begun");
    throw thrown;
  });
  assert.deepEqual(await ask([late], {}), { status: 200, body: "begun", aborted: true });
});

test("a client that has left while it sent its body hears nothing", async () => {
  assert.equal((await ask([route(() => say(200))], { body: "gone" })).status, undefined);
});

test("only a route that streams gets a reply that can", async () => {
  const stream: Handle<Desk, Streaming> = ({ reply }) => {
    reply.events();
    return undefined;
  };
  const taken: Route<Desk> = {
    ...route(() => say(200)),
    streams: true,
    handle: ({ reply }) => void reply.abort() as undefined,
  };
  assert.deepEqual(await ask([taken], {}), { status: undefined, body: undefined, aborted: true });
  // @ts-expect-error: a reply of a route that does not stream has no events.
  const wrong: Route<Desk> = { ...route(() => say(200)), streams: false, handle: stream };
  assert.equal(wrong.streams, false);
});
