/** All groups of rows. A new group is a file in `rows/`, a line here, and its peers' programs in `programs.ts`. */
import type { Group } from "./row.ts";
import { DNS } from "./rows/dns.ts";
import { EUREKA } from "./rows/eureka.ts";
import { REGISTRY } from "./rows/registry.ts";

export const GROUPS: readonly Group[] = [REGISTRY, DNS, EUREKA];
