/** Consul 1.14.11 itself: its answers beside ours, case by case; its command line; and moving away from it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { startConsul } from "../consul/rig.ts";
import { request } from "../harness/requests.ts";
import { ROOT } from "../harness/root.ts";
import { temporaryDirectory } from "../harness/scope.ts";
import { CASES, mask } from "./consul-cases.ts";
import { original, startOriginal } from "./consul-original-rig.ts";
import { startShown } from "./programs-rig.ts";

const options = { skip: original.skip, timeout: 120_000 };
const scope = { after };
const there = original.skip === false ? await startOriginal(scope) : undefined;
const here =
  original.skip === false ? await startConsul(scope, { settings: { node: "c0", address: "127.0.0.1" } }) : undefined;
const [theirs, ours] = [there?.port ?? 0, here?.port ?? 0];

function send(port: number, line: string, body: unknown) {
  const [method = "", path = ""] = line.split(" ");
  return request(`http://127.0.0.1:${port}/v1${path}`, { method, ...(body === undefined ? {} : { body }) });
}

test("the original still answers as it was seen to", options, async () => {
  const file = join(ROOT, "packages/registry/src/dialects/consul/vectors/seen.json");
  const { exchanges } = JSON.parse(readFileSync(file, "utf8"));
  for (const { request: line, body, status, answer } of exchanges) {
    // Where it listens itself.
    if (line.startsWith("GET /status/")) continue;
    const found = await send(theirs, line, body);
    assert.deepEqual([found.status, found.text.trim()], [status, answer.trim()], line);
  }
});

test("each case is answered alike by both", options, async () => {
  const different: string[] = [];
  for (const { line, body, differs } of CASES) {
    const [one, other] = [mask(await send(theirs, line, body)), mask(await send(ours, line, body))];
    const isSame = JSON.stringify(one) === JSON.stringify(other);
    if (isSame !== (differs === undefined))
      different.push(
        `${line}${isSame ? " does not differ any more" : ""}\n  ${JSON.stringify(one)}\n  ${JSON.stringify(other)}`,
      );
  }
  assert.deepEqual(different, [], `\n${different.join("\n")}`);
});

/** What it is told to do, each time at both; what it prints is compared. */
const COMMANDS: readonly (readonly string[])[] = [
  ["kv", "put", "cli/a", "one"],
  ["kv", "put", "-flags=42", "cli/b", "two"],
  ["kv", "put", "-cas", "-modify-index=0", "cli/a", "no"],
  ["kv", "get", "cli/a"],
  ["kv", "get", "-keys", "cli/"],
  ["kv", "get", "-recurse", "cli/"],
  ["kv", "export", "cli/"],
  ["kv", "get", "cli/none"],
  ["kv", "delete", "-recurse", "cli/"],
  ["services", "register", "-name=cli", "-id=cli-1", "-port=80", "-tag=v1", "-address=10.5.0.1"],
  ["catalog", "services", "-tags"],
  ["catalog", "datacenters"],
  ["catalog", "nodes", "-service=cli"],
  ["services", "deregister", "-id=cli-1"],
  ["catalog", "services"],
  ["members", "-status=failed"],
  ["lock", "-shell=false", "cli/lock", "echo", "held"],
  ["maint", "-enable", "-reason=why"],
  ["maint", "-disable"],
  ["watch", "-type=key", "-key=cli/lock/none"],
  ["watch", "-type=nodes"],
  ["event", "-name=deploy", "payload"],
  ["acl", "token", "list"],
  ["peering", "list"],
  ["config", "list", "-kind=service-defaults"],
  ["reload"],
  ["force-leave", "none"],
  ["operator", "autopilot", "get-config"],
  ["operator", "autopilot", "state"],
  ["watch", "-type=event", "-name=deploy"],
  ["watch", "-type=checks", "-state=passing"],
  ["watch", "-type=service", "-service=consul"],
  ["operator", "raft", "list-peers"],
  ["info"],
  ["members"],
];

/** How many words of a command's name come before its flags. */
const DEPTHS: Readonly<Record<string, number>> = {
  acl: 2,
  catalog: 1,
  config: 1,
  kv: 1,
  operator: 2,
  peering: 1,
  services: 1,
};

test("Consul's command line does here what it does there", options, async (t) => {
  const run = async (at: number, args: readonly string[]): Promise<string> => {
    const [command = "", ...rest] = args;
    const depth = DEPTHS[command] ?? 0;
    const words = [command, ...rest.slice(0, depth), `-http-addr=127.0.0.1:${at}`, ...rest.slice(depth)];
    const program = startShown(t, words.join(" "), original.path, words, { cwd: temporaryDirectory(t) });
    const { code } = await program.exited;
    const said = `${code}\n${program.lines.join("\n")}\n${program.stderr()}`;
    // Nodes and events have ids of their own.
    return said.replaceAll(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{8}\b/g, "ID");
  };
  for (const args of COMMANDS) {
    const [one, other] = await Promise.all([run(theirs, args), run(ours, args)]);
    const name = `consul ${args.join(" ")}`;
    // Servers describe themselves.
    if (/^(info|members|operator|watch)$/.test(args[0] ?? ""))
      assert.equal(other.split("\n")[0], one.split("\n")[0], `${name}\n${one}\n${other}`);
    else assert.equal(other, one, name);
  }
});
