import { join } from "node:path";
import { createClient } from "@rollcall/client";
import { runProgram } from "../../host/child.ts";
import { withPeer } from "../../peers/registry.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

const CALLS = join(import.meta.dirname, "..", "..", "load", "sdk", "calls", "main.ts");
const INSTANCES = 50;
const BLOCKS = 40;
const BLOCKS_QUICK = 10;

/** All instances are the registry itself, so that a call by name and a bare one are answered alike. */
async function measure(port: number, blocks: number): Promise<Sample> {
  const client = createClient({ url: `http://127.0.0.1:${port}` });
  for (let nth = 0; nth < INSTANCES; nth++)
    await client.registerOnce({ service: "called", id: `i${nth}`, address: "127.0.0.1", port, ttl: 0 });
  const given = ["--import", "tsx", CALLS, String(port), "called", String(blocks)];
  return JSON.parse(await runProgram("calls", process.execPath, given, 60_000)) as Sample;
}

/** Calls of the SDK by a service's name, balanced by least pending over 50 instances, beside bare ones. */
export const CALLED: Scenario<"rollcall"> = {
  id: "called",
  rounds: 3,
  sides: ["rollcall"],
  roundMsMax: 90_000,
  measure: (side, effort: Effort) => withPeer(side, ({ port }) => measure(port, effort.quick ? BLOCKS_QUICK : BLOCKS)),
};
