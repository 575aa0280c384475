/** What makes the commits of a registry durable, as it is configured. */
import { readFileSync } from "node:fs";
import type { Logger } from "pino";
import type { Clock, Replicator, Rules } from "../../core/index.ts";
import type { NodeStatus } from "../../dialects/contract.ts";
import { sayWhy } from "../../net/why.ts";
import { createEmbedded } from "../../replicators/embedded/replicator.ts";
import type { LinkPort } from "../../replicators/etcd/peers/roster.ts";
import { createEtcd } from "../../replicators/etcd/replicator.ts";
import { createMemory } from "../../replicators/memory/replicator.ts";
import type { ServeConfig } from "../config/load.ts";

/** A group that takes longer to be durable is told at debug. */
const SLOW_FLUSH_MS = 100;

interface ReplicatorParts {
  readonly clock: Clock;
  readonly rules: Rules;
  readonly origin: string;
  readonly onGroup: (commits: number, ms: number) => void;
  readonly onBroken: (why: string) => void;
  readonly log: Logger;
  /** To the other nodes of an etcd. */
  readonly link: LinkPort | undefined;
}

export function createReplicator(
  config: ServeConfig,
  parts: ReplicatorParts,
): { port: Replicator } & Pick<NodeStatus, "backup" | "refusing"> {
  if (config.replicator === "etcd") return openEtcd(config, parts);
  if (config.replicator === "memory") return { port: createMemory(parts), backup: undefined, refusing: () => null };
  const embedded = createEmbedded({
    ...parts,
    onGroup(commits, ms) {
      parts.onGroup(commits, ms);
      if (ms > SLOW_FLUSH_MS) parts.log.debug({ commits, ms: Math.round(ms) }, "the disk is slow");
    },
    dataDir: config.data,
    retention: { ageMs: config.events.keepMs, bytesMax: config.events.bytesMax },
  });
  return { port: embedded, backup: () => embedded.backup(), refusing: () => embedded.refusing };
}

function openEtcd(
  { etcd, data, events }: ServeConfig,
  { link, ...parts }: ReplicatorParts,
): { port: Replicator } & Pick<NodeStatus, "backup" | "refusing"> {
  const { caFile, certFile, keyFile, historyBytesMax, ...client } = etcd;
  const port = createEtcd({
    ...parts,
    ...client,
    ...(link !== undefined && { link }),
    secure: {
      ...(caFile !== undefined && { ca: readPem(caFile) }),
      ...(certFile !== undefined && { cert: readPem(certFile) }),
      ...(keyFile !== undefined && { key: readPem(keyFile) }),
    },
    dataDir: data,
    retention: { ageMs: events.keepMs, bytesMax: historyBytesMax },
  });
  return { port, backup: undefined, refusing: () => port.refusing };
}

function readPem(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Error(`${file} cannot be read: ${sayWhy(error)}`, { cause: error });
  }
}
