/** Trials from a test: each seed is one, and a complaint is shown with what is needed to see it again. */
import type { TestContext } from "node:test";
import { cleanEnvironment, Program } from "../harness/process.ts";
import { madeOf, ROOT } from "../harness/root.ts";
import { until } from "../harness/scope.ts";
import { HIDDEN, hide } from "./ground/namespaces.ts";
import type { Told } from "./round.ts";

/** For one seed, with all that it waits for. */
const SEED_MS_MAX = 240_000;

/** Runs these seeds, each as a test of its own. */
export async function runSeeds(t: TestContext, first: number, last: number): Promise<void> {
  const prefix = hide();
  const main = [process.execPath, madeOf("test/faults/main.ts"), String(first), String(last)];
  const [command, ...args] = [...prefix, ...main] as [string];
  const env = cleanEnvironment({ [HIDDEN]: prefix.length > 0 ? "yes" : "no" });
  const program = new Program(command, args, { cwd: ROOT, env });
  // It ends what it has started; SIGKILL would leave that behind where there are no namespaces.
  t.after(() => program.kill("SIGTERM"));
  const ground = await nextLine<{ ground: string; slowness: string }>(program, 0);
  t.diagnostic(`on ${ground.ground}; a slow link: ${ground.slowness}`);
  for (let seed = first; seed <= last; seed++)
    await t.test(`seed ${seed}`, async (own) => {
      const told = await nextLine<Told>(program, 1 + seed - first);
      const { fault, what, tookMs, counts, complaints } = told;
      own.diagnostic(`${seed}: ${fault} (${what}): ${(tookMs / 1000).toFixed(1)} s, ${JSON.stringify(counts)}`);
      if (complaints.length > 0) throw new Error(say(told));
    });
  await until(() => program.gone, { what: "the trial to have ended all that it started" });
}

async function nextLine<T>(program: Program, nth: number): Promise<T> {
  const line = await until(() => program.lines[nth] ?? (program.gone !== undefined && "gone"), {
    timeoutMs: SEED_MS_MAX,
    what: "the next seed",
  });
  if (line === "gone") throw new Error(`the trial ended\n${program.stderr().slice(-5000)}`);
  return JSON.parse(line) as T;
}

/** Another run of this seed alone: SEED_FIRST=… SEED_LAST=…, see the tests. */
export function say({ seed, fault, what, complaints }: Told): string {
  const parts = complaints
    .slice(0, 5)
    .map(({ rule, detail, trace }) => [`✗ ${rule}: ${detail}`, ...trace.map((line) => `    ${line}`)].join("\n"));
  return [`seed ${seed}, ${fault}: ${what}`, ...parts, `${complaints.length} in all`].join("\n");
}
