/** All groups of rows. A new group is a file in `rows/`, a line here, and its peers' programs in `host/programs.ts`. */
import type { Group } from "../row.ts";
import { AGENT } from "./agent.ts";
import { CONSUL } from "./consul.ts";
import { DASHBOARD } from "./dashboard.ts";
import { DNS } from "./dns.ts";
import { ETCD } from "./etcd.ts";
import { EUREKA } from "./eureka.ts";
import { GOSSIP } from "./gossip.ts";
import { GRPC } from "./grpc.ts";
import { NODES } from "./nodes.ts";
import { NSQ } from "./nsq.ts";
import { REGISTRY } from "./registry.ts";
import { SDK } from "./sdk.ts";
import { ZOOKEEPER } from "./zookeeper.ts";

export const GROUPS: readonly Group[] = [
  REGISTRY,
  DNS,
  EUREKA,
  CONSUL,
  NODES,
  GOSSIP,
  NSQ,
  ZOOKEEPER,
  ETCD,
  GRPC,
  SDK,
  AGENT,
  DASHBOARD,
];
