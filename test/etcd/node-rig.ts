/** Nodes of a registry in etcd, in this process and with the time as it is. */
import { createProtection, PROTECTION_DEFAULTS } from "../../packages/registry/src/around/protection.ts";
import { type Clock, type Core, openCore } from "../../packages/registry/src/core/index.ts";
import {
  createEtcd,
  type EtcdOptions,
  type EtcdReplicator,
} from "../../packages/registry/src/replicators/etcd/replicator.ts";
import { LIMITS_OF_TESTS } from "../harness/registry.ts";
import { type Scope, temporaryDirectory } from "../harness/scope.ts";

export interface EtcdNode {
  readonly core: Core;
  readonly replicator: EtcdReplicator;
  /** Why it says that its process has to end. */
  readonly broken: readonly string[];
  readonly logged: readonly string[];
  readonly dataDir: string;
  close(): Promise<void>;
}

const CLOCK: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

export async function openEtcdNode(
  scope: Scope,
  options: Partial<EtcdOptions> & Pick<EtcdOptions, "endpoints">,
): Promise<EtcdNode> {
  const dataDir = options.dataDir ?? temporaryDirectory(scope);
  const [broken, logged]: [string[], string[]] = [[], []];
  const note = (...parts: unknown[]): void => void logged.push(String(parts.at(-1)));
  const replicator = createEtcd({
    prefix: "/test/",
    clock: CLOCK,
    rules: { limits: () => LIMITS_OF_TESTS },
    origin: "n1",
    log: { info: note, warn: note, error: note } as NonNullable<EtcdOptions["log"]>,
    onBroken: (why) => broken.push(why),
    ...options,
    dataDir,
  });
  const core = await openCore({
    clock: CLOCK,
    replicator,
    policy: createProtection(PROTECTION_DEFAULTS),
    wait: (ms, run) => setTimeout(run, ms).unref(),
    openLine: () => setImmediate,
    onBug: (error) => {
      throw error;
    },
  });
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= core.close();
    return closing;
  };
  scope.after(close);
  return { core, replicator, broken, logged, dataDir, close };
}
