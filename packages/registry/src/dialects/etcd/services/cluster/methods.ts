/** @live The services Cluster, Maintenance and Auth. */
import type { Method } from "../../../../net/grpc/method.ts";
import { unary } from "../../calls.ts";
import type { Desk } from "../../desk.ts";
import type * as rpc from "../../proto/generated/rpc.ts";
import { authenticate, authStatus, enable, getRole, getUser, listRoles, listUsers, refuseChange } from "./auth.ts";
import { alarm, defragment, downgrade, hash, hashKv, moveLeader, snapshot, status } from "./maintenance.ts";
import { list, refuse, refuseOf } from "./members.ts";

const MEMBERS: readonly Method<Desk>[] = [
  unary<rpc.MemberListRequest, rpc.MemberListResponse>("/etcdserverpb.Cluster/MemberList", list),
  unary("/etcdserverpb.Cluster/MemberAdd", refuse),
  unary<rpc.MemberRemoveRequest, rpc.MemberRemoveResponse>("/etcdserverpb.Cluster/MemberRemove", refuseOf),
  unary<rpc.MemberUpdateRequest, rpc.MemberUpdateResponse>("/etcdserverpb.Cluster/MemberUpdate", refuseOf),
  unary<rpc.MemberPromoteRequest, rpc.MemberPromoteResponse>("/etcdserverpb.Cluster/MemberPromote", refuseOf),
];

const MAINTENANCE: readonly Method<Desk>[] = [
  unary<rpc.AlarmRequest, rpc.AlarmResponse>("/etcdserverpb.Maintenance/Alarm", alarm),
  unary<rpc.StatusRequest, rpc.StatusResponse>("/etcdserverpb.Maintenance/Status", status),
  unary<rpc.DefragmentRequest, rpc.DefragmentResponse>("/etcdserverpb.Maintenance/Defragment", defragment),
  unary<rpc.HashRequest, rpc.HashResponse>("/etcdserverpb.Maintenance/Hash", hash),
  unary<rpc.HashKVRequest, rpc.HashKVResponse>("/etcdserverpb.Maintenance/HashKV", hashKv),
  // Its answers would be a stream; there are none.
  unary("/etcdserverpb.Maintenance/Snapshot", snapshot),
  unary("/etcdserverpb.Maintenance/MoveLeader", moveLeader),
  unary<rpc.DowngradeRequest, rpc.DowngradeResponse>("/etcdserverpb.Maintenance/Downgrade", downgrade),
];

/** What would change users, their passwords, roles and rights. */
const CHANGES = [
  "AuthDisable",
  "UserAdd",
  "UserDelete",
  "UserChangePassword",
  "UserGrantRole",
  "UserRevokeRole",
  "RoleAdd",
  "RoleDelete",
  "RoleGrantPermission",
  "RoleRevokePermission",
];

const AUTH: readonly Method<Desk>[] = [
  unary<rpc.AuthEnableRequest, rpc.AuthEnableResponse>("/etcdserverpb.Auth/AuthEnable", enable),
  unary<rpc.AuthStatusRequest, rpc.AuthStatusResponse>("/etcdserverpb.Auth/AuthStatus", authStatus),
  unary<rpc.AuthenticateRequest, rpc.AuthenticateResponse>("/etcdserverpb.Auth/Authenticate", authenticate),
  unary<rpc.AuthUserListRequest, rpc.AuthUserListResponse>("/etcdserverpb.Auth/UserList", listUsers),
  unary<rpc.AuthUserGetRequest, rpc.AuthUserGetResponse>("/etcdserverpb.Auth/UserGet", getUser),
  unary<rpc.AuthRoleListRequest, rpc.AuthRoleListResponse>("/etcdserverpb.Auth/RoleList", listRoles),
  unary<rpc.AuthRoleGetRequest, rpc.AuthRoleGetResponse>("/etcdserverpb.Auth/RoleGet", getRole),
  ...CHANGES.map((name) => unary(`/etcdserverpb.Auth/${name}`, refuseChange)),
];

export const CLUSTER: readonly Method<Desk>[] = [...MEMBERS, ...MAINTENANCE, ...AUTH];
