/** Leases, locks, elections, and what clients ask of a cluster. */
import { ask, hear, put, range, say, type Talk } from "./talk.ts";

const KEEP = "Lease/LeaseKeepAlive";
const SHAPE = { isShape: true } as const;

/** What is not alike, and why. */
const NO_PEERS = { ...SHAPE, differs: "nodes have no addresses for members of etcd" };
const NEWER = { ...SHAPE, differs: "3.6 says more, and so is said here" };
const HEADED = { differs: "it has a header, as all other answers have" };
const OWN_ROLES = { differs: "users are the accounts of the registry, and roles its own" };

const LEASES: Talk = {
  name: "leases",
  steps: [
    ask("Lease/LeaseGrant", { TTL: 600, ID: 4401 }),
    ask("Lease/LeaseGrant", { TTL: 600, ID: 4401 }),
    ask("Lease/LeaseGrant", { TTL: 600 }, { as: "own" }),
    ask("Lease/LeaseGrant", { TTL: 9_000_000_001, ID: 4402 }),
    ask("Lease/LeaseGrant", { TTL: 1_000_000, ID: 4403 }),
    ask("Lease/LeaseGrant", { TTL: 0, ID: 4404 }),
    ask("Lease/LeaseGrant", { TTL: -5, ID: 4405 }),
    ask("Lease/LeaseGrant", { TTL: 600, ID: -4406 }),
    ask("Lease/LeaseTimeToLive", { ID: 4401 }),
    ask("Lease/LeaseTimeToLive", { ID: 4401, keys: true }),
    ask("Lease/LeaseTimeToLive", { ID: "@own", keys: true }),
    ask("Lease/LeaseTimeToLive", { ID: 99_999, keys: true }),
    put("z/b", "1", { lease: 4401 }),
    put("z/a", "1", { lease: 4401 }),
    put("z/own", "1", { lease: "@own" }),
    range("z/", { range_end: "z0" }),
    ask("Lease/LeaseTimeToLive", { ID: 4401, keys: true }),
    put("z/b", "2"),
    put("z/a", "2", { ignore_lease: true }),
    ask("Lease/LeaseTimeToLive", { ID: 4401, keys: true }),
    put("z/a", "2", { lease: "@own" }),
    ask("Lease/LeaseTimeToLive", { ID: 4401, keys: true }),
    say(KEEP, "k", { ID: 4401 }, 1),
    say(KEEP, "k", { ID: 99_999 }, 1),
    say(KEEP, "k", { ID: "@own" }, 1),
    ask("Lease/LeaseLeases", {}, SHAPE),
    ask("Lease/LeaseRevoke", { ID: 99_999 }),
    ask("Lease/LeaseRevoke", { ID: "@own" }),
    ask("Lease/LeaseRevoke", { ID: "@own" }),
    range("z/", { range_end: "z0" }),
    say(KEEP, "k", { ID: "@own" }, 1),
    ask("Lease/LeaseTimeToLive", { ID: "@own" }),
    put("z/c", "1", { lease: "@own" }),
    ask("Lease/LeaseRevoke", { ID: 4401 }),
    ask("Lease/LeaseRevoke", { ID: 0 }),
  ],
};

const LOCKS: Talk = {
  name: "locks and elections",
  steps: [
    ask("Lease/LeaseGrant", { TTL: 600, ID: 4501 }),
    ask("Lease/LeaseGrant", { TTL: 600, ID: 4502 }),
    ask("Lock/Lock", { name: "mine", lease: 4501 }),
    ask("Lock/Lock", { name: "mine", lease: 4501 }),
    range("mine/", { range_end: "mine0" }),
    ask("Lock/Unlock", { key: "mine/1195" }),
    ask("Lock/Unlock", { key: "mine/none" }),
    ask("Lock/Lock", { name: "mine", lease: 99_999 }, { differs: "etcd says Unknown for it here, NotFound elsewhere" }),
    ask("Lock/Lock", { name: "", lease: 4501 }),
    ask("Election/Leader", { name: "chief" }),
    ask("Election/Campaign", { name: "chief", lease: 4501, value: "one" }, { as: "chief" }),
    ask("Election/Leader", { name: "chief" }),
    ask("Election/Campaign", { name: "chief", lease: 4501, value: "one again" }),
    // Where it was proclaimed again is not in etcd's answer to the campaign.
    say("Election/Observe", "o", { name: "chief" }, 1, { differs: "the answer has the revision of the change" }),
    ask("Election/Proclaim", {
      value: "two",
      leader: { name: "chief", key: "chief/1195", rev: "@chief", lease: 4501 },
    }),
    hear("Election/Observe", "o", 1),
    ask("Election/Proclaim", { value: "x", leader: { name: "chief", key: "chief/1195", rev: 1, lease: 4501 } }),
    ask("Election/Proclaim", { value: "x" }),
    ask("Election/Resign", {}),
    ask("Election/Resign", { leader: { name: "chief", key: "chief/1195", rev: "@chief", lease: 4501 } }),
    ask("Election/Leader", { name: "chief" }),
    ask("Lease/LeaseRevoke", { ID: 4501 }),
    ask("Lease/LeaseRevoke", { ID: 4502 }),
  ],
};

const CLUSTER: Talk = {
  name: "the cluster",
  steps: [
    ask("Cluster/MemberList", {}, NO_PEERS),
    ask("Cluster/MemberList", { linearizable: true }, NO_PEERS),
    ask("Maintenance/Status", {}, NEWER),
    ask("Maintenance/Alarm", {}, HEADED),
    ask("Maintenance/Alarm", { action: 0, memberID: 0, alarm: 0 }, HEADED),
    ask("Maintenance/Defragment", {}, HEADED),
    ask("Maintenance/Hash", {}, SHAPE),
    ask("Maintenance/HashKV", {}, NEWER),
    ask("Maintenance/MoveLeader", { targetID: 1 }, { differs: "nodes agree by themselves on who decides" }),
    ask("Auth/AuthStatus", {}, { differs: "3.4 has no such method yet" }),
    ask("Auth/Authenticate", { name: "root", password: "none" }),
    ask("Auth/Authenticate", {}),
    ask("Auth/UserList", {}, OWN_ROLES),
    ask("Auth/RoleList", {}, OWN_ROLES),
    ask("Auth/UserGet", { name: "none" }),
    ask("Auth/RoleGet", { role: "none" }),
    ask("Health/Check", {}),
    ask("Health/Check", { service: "none" }),
    ask("KV/Nothing", {}),
    ask("Nothing/Range", {}),
  ],
};

export const REST: readonly Talk[] = [LEASES, LOCKS, CLUSTER];
