/** What makes the commits of a registry durable, as it is configured. */
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "pino";
import type { Clock, Outcome, Replicator, Rules } from "../../core/index.ts";
import type { Backup, NodeStatus } from "../../dialects/contract.ts";
import { STORE_FILE } from "../../replicators/embedded/directory/files.ts";
import { takeOwnership } from "../../replicators/embedded/directory/owner.ts";
import {
  createEmbedded,
  type EmbeddedOptions,
  type EmbeddedReplicator,
} from "../../replicators/embedded/replicator.ts";
import type { LinkPort } from "../../replicators/etcd/peers/roster.ts";
import type { GossipReplicator } from "../../replicators/gossip/replicator.ts";
import { createMemory } from "../../replicators/memory/replicator.ts";
import type { UpstreamNumbers } from "../../replicators/upstream/replicator.ts";
import type { ServeConfig } from "../config/load.ts";

/** A group that takes longer to be durable is told at debug. */
const SLOW_FLUSH_MS = 100;

interface ReplicatorParts {
  readonly clock: Clock;
  readonly rules: Rules;
  readonly origin: string;
  readonly onGroup: (commits: number, ms: number) => void;
  readonly onBroken: (why: string) => void;
  readonly onAnew: (why: string) => void;
  readonly log: Logger;
  /** To the other nodes. */
  readonly link: LinkPort | undefined;
}

type StoreParts = "backup" | "refusing" | "lagging" | "stale" | "cluster" | "diskBytes";

export interface Opened extends Pick<NodeStatus, StoreParts> {
  readonly port: Replicator;
  /** Reads certificates again; throws a sentence when they cannot be read. */
  readonly renewStore: (() => void) | undefined;
  /** Of an agent. */
  readonly upstream?: () => UpstreamNumbers;
}

/** Of a registry on one node. */
const ALONE = {
  lagging: () => null,
  stale: () => null,
  cluster: () => undefined,
  diskBytes: () => null,
  renewStore: undefined,
};

/** Those of several nodes are loaded where they are wanted. */
export async function createReplicator(config: ServeConfig, parts: ReplicatorParts): Promise<Opened> {
  if (config.replicator === "etcd") return openEtcd(config, parts);
  if (config.replicator === "memory")
    return { ...ALONE, port: createMemory(parts), backup: undefined, refusing: () => null };
  if (config.replicator === "gossip") {
    const port = await openGossip(config, parts);
    return { ...overStore(port.store, config.data), port, cluster: () => port.cluster?.() };
  }
  if (config.replicator === "upstream") return openUpstream(config, parts);
  const port = openEmbedded(config, parts);
  return { ...overStore(port, config.data), port };
}

function overStore(store: EmbeddedReplicator, dataDir: string): Omit<Opened, "port"> {
  const diskBytes = (): number | null => statSync(join(dataDir, STORE_FILE), { throwIfNoEntry: false })?.size ?? null;
  return { ...ALONE, diskBytes, backup: () => store.backup(), refusing: () => store.refusing };
}

function openEmbedded(
  config: ServeConfig,
  parts: ReplicatorParts,
  local?: EmbeddedOptions["local"],
): EmbeddedReplicator {
  return createEmbedded({
    ...parts,
    ...(local !== undefined && { local }),
    onGroup(commits, ms) {
      parts.onGroup(commits, ms);
      if (ms > SLOW_FLUSH_MS) parts.log.debug({ commits, ms: Math.round(ms) }, "the disk is slow");
    },
    dataDir: config.data,
    retention: { ageMs: config.events.keepMs, bytesMax: config.events.bytesMax },
  });
}

async function openGossip(config: ServeConfig, parts: ReplicatorParts): Promise<GossipReplicator<EmbeddedReplicator>> {
  const { gossip } = config;
  const { clock, origin, log, link } = parts;
  const store = (local: EmbeddedOptions["local"]) => openEmbedded(config, parts, local);
  if (link === undefined) throw new Error("nodes cannot gossip without a link");
  const [{ Peers }, { createGossip }] = await Promise.all([
    import("../../replicators/gossip/peers.ts"),
    import("../../replicators/gossip/replicator.ts"),
  ]);
  const network = new Peers({ own: origin, link: link.link, address: link, seeds: gossip.peers, log });
  return createGossip({
    ...{ name: origin, clock, network, store, log, tombstoneMs: gossip.tombstoneMs, random: Math.random },
    // Alone there is nobody to wait for.
    ...(gossip.peers.length === 0 && { firstMs: 0 }),
    every(ms, run) {
      const timer = setInterval(run, ms).unref();
      return () => clearInterval(timer);
    },
  });
}

async function openUpstream({ upstream, data }: ServeConfig, parts: ReplicatorParts): Promise<Opened> {
  const [{ createUpstream }, { connectUpstream }] = await Promise.all([
    import("../../replicators/upstream/replicator.ts"),
    import("../config/upstream.ts"),
  ]);
  const { client, renew } = await connectUpstream(upstream);
  const { account, holdMs, caFile, certFile } = upstream;
  mkdirSync(data, { recursive: true });
  const owner = await takeOwnership(data);
  const onClosed = () => owner.release();
  const port = createUpstream({ ...parts, account, holdMs, dataDir: data, registry: client, onClosed });
  const hasFiles = caFile !== undefined || certFile !== undefined;
  return {
    ...ALONE,
    ...{ port, backup: undefined, refusing: () => null, stale: () => port.stale, upstream: () => port.numbers },
    renewStore: hasFiles ? renew : undefined,
  };
}

async function openEtcd({ etcd, data, events }: ServeConfig, { link, ...parts }: ReplicatorParts): Promise<Opened> {
  const [{ createEtcd }, { toClientOptions }, { archiveToBackup }] = await Promise.all([
    import("../../replicators/etcd/replicator.ts"),
    import("../config/etcd.ts"),
    import("../../replicators/embedded/archive.ts"),
  ]);
  const port = createEtcd({
    ...parts,
    ...toClientOptions(etcd),
    ...(link !== undefined && { link }),
    prefix: etcd.prefix,
    dataDir: data,
    retention: { ageMs: events.keepMs, bytesMax: etcd.historyBytesMax },
  });
  // One at a time: each takes room in the directory while it is made.
  let backingUp: Promise<unknown> = Promise.resolve();
  const backup = (): Promise<Outcome<Backup>> => {
    const taken = backingUp.then(() => archiveToBackup(() => port.about.archive(), data, parts.clock.now()));
    backingUp = taken;
    return taken;
  };
  const hasFiles = [etcd.caFile, etcd.certFile].some((file) => file !== undefined);
  return {
    port,
    backup,
    refusing: () => port.refusing,
    lagging: () => port.about.lagging,
    stale: () => null,
    diskBytes: () => null,
    cluster: () => port.cluster?.(),
    renewStore: hasFiles ? () => port.about.renew(toClientOptions(etcd).secure) : undefined,
  };
}
