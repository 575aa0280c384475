/** @live Runs the checks of instances on this machine: with the probes of the registry, and by programs. */

import { Prober } from "../../checks/prober.ts";
import { phaseOf, Runner, type Task } from "../../checks/runner.ts";
import { fail, judge, pass, type Row, type Verdict } from "../../checks/verdict.ts";
import type { Clock, Status } from "../../core/index.ts";
import { readPlaces } from "../../net/hosts/places.ts";
import type { LocalCheck, LocalService } from "../config.ts";
import { runCommand } from "../host/run.ts";

/** Checks that are run at once. */
const PARALLEL_MAX = 64;
/** The lane of the runner: all are this machine's. */
const ACCOUNT = "local";
/** Whoever writes the configuration says where checks go; addresses of clouds are never asked. */
const PLACES = "loopback,instance,all";
/** The program's end comes a little before the runner's, so that it says so itself. */
const COMMAND_SHARE = 0.95;

export class Examiner {
  readonly #prober: Prober;
  readonly #runner: Runner;

  constructor(clock: Pick<Clock, "monotonic">, caFile: string | undefined) {
    const places = readPlaces(PLACES);
    if (!places.ok) throw new Error(places.problem);
    this.#prober = new Prober({ clock, places: places.value, caFile });
    this.#runner = new Runner({ clock, parallelMax: PARALLEL_MAX, isOnDuty: () => true });
  }

  /** Tells each result that makes a check another one than it was; the first one always. Returns its end. */
  examine(service: LocalService, check: LocalCheck, tell: (status: Status, output: string) => void): () => void {
    const row: Row = { good: 0, bad: 0 };
    let known: Status | undefined;
    let isOver = false;
    const task: Task = {
      account: ACCOUNT,
      everyMs: check.intervalMs,
      timeoutMs: check.timeoutMs,
      phase: phaseOf(`${service.service}/${service.id}/${check.id}`),
      run: async (signal) => {
        const verdict = await this.#run(service, check, signal);
        if (isOver) return;
        const status = judge(row, verdict, { ...check, status: known ?? check.status }, known === undefined);
        if (status === known) return;
        known = status;
        tell(status, verdict.output);
      },
    };
    this.#runner.add(task, true);
    return () => {
      isOver = true;
      this.#runner.remove(task);
    };
  }

  close(): void {
    this.#runner.close();
  }

  async #run(service: LocalService, check: LocalCheck, signal: AbortSignal): Promise<Verdict> {
    if (check.kind === "exec") return runExec(service, check, signal);
    const at = { address: service.address, ports: { default: service.port } };
    const verdict = await this.#prober.probe(check, at, signal);
    const isWithout =
      check.holds !== undefined && verdict.status !== "critical" && !verdict.output.includes(check.holds);
    return isWithout ? fail(`${JSON.stringify(check.holds)} is not in the answer: ${verdict.output}`) : verdict;
  }
}

/** As monitoring plugins end: 0 passes, 1 warns, all else is critical. */
async function runExec(service: LocalService, check: LocalCheck, signal: AbortSignal): Promise<Verdict> {
  const env = { SERVICE: service.service, ID: service.id, ADDRESS: service.address, PORT: String(service.port) };
  const timeoutMs = check.timeoutMs * COMMAND_SHARE;
  const { code, output } = await runCommand(check.target, { timeoutMs, signal, env: prefixed(env) });
  if (code === 0) return pass(output);
  return { ...fail(output), status: code === 1 ? "warning" : "critical" };
}

function prefixed(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`ROLLCALL_${name}`, value]));
}
