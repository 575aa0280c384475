/** Where the gateway has each method: all by POST, below each of the prefixes that etcd has had. */

export const PREFIXES = ["/v3/", "/v3beta/", "/v3alpha/"] as const;

/** By method: its paths behind the prefix. */
const PATHS: Readonly<Record<string, readonly string[]>> = {
  "etcdserverpb.KV/Range": ["kv/range"],
  "etcdserverpb.KV/Put": ["kv/put"],
  "etcdserverpb.KV/DeleteRange": ["kv/deleterange"],
  "etcdserverpb.KV/Txn": ["kv/txn"],
  "etcdserverpb.KV/Compact": ["kv/compaction"],
  "etcdserverpb.Watch/Watch": ["watch"],
  "etcdserverpb.Lease/LeaseGrant": ["lease/grant"],
  "etcdserverpb.Lease/LeaseRevoke": ["lease/revoke", "kv/lease/revoke"],
  "etcdserverpb.Lease/LeaseKeepAlive": ["lease/keepalive"],
  "etcdserverpb.Lease/LeaseTimeToLive": ["lease/timetolive", "kv/lease/timetolive"],
  "etcdserverpb.Lease/LeaseLeases": ["lease/leases", "kv/lease/leases"],
  ...each("etcdserverpb.Cluster/Member", "cluster/member/", ["Add", "Remove", "Update", "List", "Promote"]),
  ...each("etcdserverpb.Maintenance/", "maintenance/", ["Alarm", "Status", "Defragment", "Hash", "HashKV", "Snapshot"]),
  ...each("etcdserverpb.Maintenance/", "maintenance/", ["Downgrade"]),
  "etcdserverpb.Maintenance/MoveLeader": ["maintenance/transfer-leadership"],
  ...each("etcdserverpb.Auth/Auth", "auth/", ["Enable", "Disable", "Status"]),
  "etcdserverpb.Auth/Authenticate": ["auth/authenticate"],
  ...each("etcdserverpb.Auth/User", "auth/user/", ["Add", "Get", "List", "Delete"]),
  "etcdserverpb.Auth/UserChangePassword": ["auth/user/changepw"],
  "etcdserverpb.Auth/UserGrantRole": ["auth/user/grant"],
  "etcdserverpb.Auth/UserRevokeRole": ["auth/user/revoke"],
  ...each("etcdserverpb.Auth/Role", "auth/role/", ["Add", "Get", "List", "Delete"]),
  "etcdserverpb.Auth/RoleGrantPermission": ["auth/role/grant"],
  "etcdserverpb.Auth/RoleRevokePermission": ["auth/role/revoke"],
  ...each("v3lockpb.Lock/", "lock/", ["Lock", "Unlock"]),
  ...each("v3electionpb.Election/", "election/", ["Campaign", "Proclaim", "Leader", "Observe", "Resign"]),
};

/** Those whose path ends with their own name in lower case. */
function each(service: string, path: string, names: readonly string[]): Record<string, readonly string[]> {
  return Object.fromEntries(names.map((name) => [service + name, [path + name.toLowerCase()]]));
}

/** By path behind the prefix: the method, as gRPC names it. */
export const METHODS_BY_PATH: ReadonlyMap<string, string> = new Map(
  Object.entries(PATHS).flatMap(([method, paths]) => paths.map((path) => [path, `/${method}`] as const)),
);
