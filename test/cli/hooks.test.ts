/** Hooks on the command line. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { HooksBody, SetHookBody } from "@rollcall/client";
import { startRollcall } from "../harness/program.ts";
import { until } from "../harness/scope.ts";
import { startReceiver } from "../hooks/receiver.ts";
import { commandLine } from "./rig.ts";

test("hooks are set, listed with what is wrong with them, and removed", async () => {
  const scope = { after };
  const server = await startRollcall(scope);
  const receiver = await startReceiver(scope);
  const { cli, json } = commandLine(server.url);
  const set = await cli(["hooks", "set", "pager", receiver.url, "--type", "key.put"]);
  assert.match(set.stdout, /^whsec_[A-Za-z0-9+/]{43}=\n$/);
  assert.equal((await cli(["hooks", "set", "pager", receiver.url, "--type", "key.*"])).stdout, "", "told once");
  assert.equal((await json<SetHookBody>(["hooks", "set", "all", receiver.url])).types.length, 0);
  await cli(["hooks", "remove", "all"]);
  await cli(["config", "set", "k", "v"]);
  await until(() => receiver.taken().length === 1);
  assert.match(
    (await cli(["hooks"])).stdout,
    /^HOOK +URL +TYPES +SERVICES +STATE\npager +http\S+ +key\.\* +all +taken\n$/,
  );
  receiver.behave(500);
  await cli(["config", "set", "k", "w"]);
  await until(async () => /not taken for \S+: it answered 500/.test((await cli(["hooks"])).stdout));
  assert.equal((await json<HooksBody>(["hooks"])).hooks[0]?.failing?.reason, "it answered 500");
  assert.match((await cli(["doctor"])).stdout, /^hooks +warn +pager is not taken for \S+: it answered 500$/m);
  await cli(["hooks", "set", "bad", receiver.url, "--type", "nonsense"], 2);
  await cli(["hooks", "remove", "none"], 4);
  assert.match((await cli(["hooks", "remove", "pager"])).stdout, /^pager removed/);
  assert.match((await cli(["hooks"])).stdout, /^no hooks/);
});
