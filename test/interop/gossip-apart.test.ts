/** Three nodes that copy each other, in network namespaces: each cut off in turn, one killed and wiped, one's clock wrong. */
import { test } from "node:test";
import { HIDDEN, hide } from "../faults/ground/namespaces.ts";
import { cleanEnvironment, Program } from "../harness/process.ts";
import { madeOf, ROOT } from "../harness/root.ts";
import { until } from "../harness/scope.ts";

const prefix = hide();
const skip = prefix.length === 0 && "this machine has no network namespaces; npm test cuts nodes off by relays";

interface Told {
  readonly step: string;
  readonly tookMs: number;
  readonly beats: number;
  readonly wrong?: string;
  readonly complaints: readonly string[];
}

test("nodes are cut off, killed and wiped, and all have the same afterwards", { skip, timeout: 300_000 }, async (t) => {
  const [command, ...args] = [...prefix, process.execPath, madeOf("test/gossip/apart.ts")];
  const env = cleanEnvironment({ [HIDDEN]: "yes" });
  const program = new Program(command as string, args, { cwd: ROOT, env });
  t.after(() => program.kill("SIGTERM"));
  await until(() => program.gone, { timeoutMs: 280_000, what: "the end of all steps" });
  const steps = program.lines.map((line) => JSON.parse(line) as Told);
  for (const { step, tookMs, beats, wrong, complaints } of steps)
    await t.test(step, (own) => {
      own.diagnostic(`${(tookMs / 1000).toFixed(1)} s, ${beats} heartbeats by then`);
      if (wrong !== undefined) throw new Error(wrong);
      if (complaints.length > 0) throw new Error(`heartbeats were refused: ${complaints.slice(0, 5).join("; ")}`);
    });
  if (steps.length < 5) throw new Error(`it ended after ${steps.length} steps\n${program.stderr().slice(-5000)}`);
});
