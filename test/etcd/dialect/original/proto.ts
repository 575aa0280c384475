/**
 * etcd's messages as the tests write and read them: a table of their own, so that a wrong number in the program's is
 * seen. Bytes are texts of one character for each, longs are numbers, or texts beyond 2^53; what is not there is left out.
 */
import { readFields, toLong } from "../../../../packages/registry/src/net/grpc/protobuf.ts";

/** Field=number type, `*` before a type that is repeated. */
const TABLE: Readonly<Record<string, string>> = {
  KeyValue: "key=1 bytes,create_revision=2 int,mod_revision=3 int,version=4 int,value=5 bytes,lease=6 int",
  Event: "type=1 int,kv=2 KeyValue,prev_kv=3 KeyValue",
  Permission: "permType=1 int,key=2 bytes,range_end=3 bytes",
  UserAddOptions: "no_password=1 bool",
  ResponseHeader: "cluster_id=1 id,member_id=2 id,revision=3 int,raft_term=4 id",
  Header: "header=1 ResponseHeader",
  Empty: "",
  RangeRequest:
    "key=1 bytes,range_end=2 bytes,limit=3 int,revision=4 int,sort_order=5 int,sort_target=6 int,serializable=7 bool,keys_only=8 bool,count_only=9 bool,min_mod_revision=10 int,max_mod_revision=11 int,min_create_revision=12 int,max_create_revision=13 int",
  RangeResponse: "header=1 ResponseHeader,kvs=2 *KeyValue,more=3 bool,count=4 int",
  PutRequest: "key=1 bytes,value=2 bytes,lease=3 int,prev_kv=4 bool,ignore_value=5 bool,ignore_lease=6 bool",
  PutResponse: "header=1 ResponseHeader,prev_kv=2 KeyValue",
  DeleteRangeRequest: "key=1 bytes,range_end=2 bytes,prev_kv=3 bool",
  DeleteRangeResponse: "header=1 ResponseHeader,deleted=2 int,prev_kvs=3 *KeyValue",
  RequestOp:
    "request_range=1 RangeRequest,request_put=2 PutRequest,request_delete_range=3 DeleteRangeRequest,request_txn=4 TxnRequest",
  ResponseOp:
    "response_range=1 RangeResponse,response_put=2 PutResponse,response_delete_range=3 DeleteRangeResponse,response_txn=4 TxnResponse",
  Compare:
    "result=1 int,target=2 int,key=3 bytes,version=4 int,create_revision=5 int,mod_revision=6 int,value=7 bytes,lease=8 int,range_end=64 bytes",
  TxnRequest: "compare=1 *Compare,success=2 *RequestOp,failure=3 *RequestOp",
  TxnResponse: "header=1 ResponseHeader,succeeded=2 bool,responses=3 *ResponseOp",
  CompactionRequest: "revision=1 int,physical=2 bool",
  HashKVRequest: "revision=1 int",
  HashResponse: "header=1 ResponseHeader,hash=2 int",
  HashKVResponse: "header=1 ResponseHeader,hash=2 int,compact_revision=3 int,hash_revision=4 int",
  SnapshotResponse: "header=1 ResponseHeader,remaining_bytes=2 id,blob=3 bytes,version=4 text",
  WatchRequest: "create_request=1 WatchCreateRequest,cancel_request=2 WatchCancelRequest,progress_request=3 Empty",
  WatchCreateRequest:
    "key=1 bytes,range_end=2 bytes,start_revision=3 int,progress_notify=4 bool,filters=5 *int,prev_kv=6 bool,watch_id=7 int,fragment=8 bool",
  WatchCancelRequest: "watch_id=1 int",
  WatchResponse:
    "header=1 ResponseHeader,watch_id=2 int,created=3 bool,canceled=4 bool,compact_revision=5 int,cancel_reason=6 text,fragment=7 bool,events=11 *Event",
  LeaseGrantRequest: "TTL=1 int,ID=2 int",
  LeaseGrantResponse: "header=1 ResponseHeader,ID=2 int,TTL=3 int,error=4 text",
  LeaseRequest: "ID=1 int",
  LeaseKeepAliveResponse: "header=1 ResponseHeader,ID=2 int,TTL=3 int",
  LeaseTimeToLiveRequest: "ID=1 int,keys=2 bool",
  LeaseTimeToLiveResponse: "header=1 ResponseHeader,ID=2 int,TTL=3 int,grantedTTL=4 int,keys=5 *bytes",
  LeaseStatus: "ID=1 int",
  LeaseLeasesResponse: "header=1 ResponseHeader,leases=2 *LeaseStatus",
  Member: "ID=1 id,name=2 text,peerURLs=3 *text,clientURLs=4 *text,isLearner=5 bool",
  MemberListRequest: "linearizable=1 bool",
  MemberAddRequest: "peerURLs=1 *text,isLearner=2 bool",
  MemberRequest: "ID=1 id,peerURLs=2 *text",
  MembersResponse: "header=1 ResponseHeader,members=2 *Member",
  MemberAddResponse: "header=1 ResponseHeader,member=2 Member,members=3 *Member",
  AlarmRequest: "action=1 int,memberID=2 id,alarm=3 int",
  AlarmMember: "memberID=1 id,alarm=2 int",
  AlarmResponse: "header=1 ResponseHeader,alarms=2 *AlarmMember",
  StatusResponse:
    "header=1 ResponseHeader,version=2 text,dbSize=3 int,leader=4 id,raftIndex=5 id,raftTerm=6 id,raftAppliedIndex=7 id,errors=8 *text,dbSizeInUse=9 int,isLearner=10 bool,storageVersion=11 text,dbSizeQuota=12 int",
  MoveLeaderRequest: "targetID=1 id",
  AuthenticateRequest: "name=1 text,password=2 text",
  AuthenticateResponse: "header=1 ResponseHeader,token=2 text",
  AuthStatusResponse: "header=1 ResponseHeader,enabled=2 bool,authRevision=3 id",
  AuthNamed: "name=1 text,password=2 text,options=3 UserAddOptions",
  AuthUserRole: "user=1 text,role=2 text",
  AuthRolesResponse: "header=1 ResponseHeader,roles=2 *text",
  AuthRoleGetRequest: "role=1 text",
  AuthRoleGetResponse: "header=1 ResponseHeader,perm=2 *Permission",
  AuthPermissionRequest: "name=1 text,perm=2 Permission",
  LockRequest: "name=1 bytes,lease=2 int",
  LockResponse: "header=1 ResponseHeader,key=2 bytes",
  UnlockRequest: "key=1 bytes",
  CampaignRequest: "name=1 bytes,lease=2 int,value=3 bytes",
  LeaderKey: "name=1 bytes,key=2 bytes,rev=3 int,lease=4 int",
  CampaignResponse: "header=1 ResponseHeader,leader=2 LeaderKey",
  LeaderRequest: "name=1 bytes",
  LeaderResponse: "header=1 ResponseHeader,kv=2 KeyValue",
  ResignRequest: "leader=1 LeaderKey",
  ProclaimRequest: "leader=1 LeaderKey,value=2 bytes",
  HealthCheckRequest: "service=1 text",
  HealthCheckResponse: "status=1 int",
};

/** Service/Method -> the message asked with, and the one that answers. */
const CALLS: Readonly<Record<string, readonly [package_: string, asked: string, told: string]>> = {
  "KV/Range": ["etcdserverpb", "RangeRequest", "RangeResponse"],
  "KV/Put": ["etcdserverpb", "PutRequest", "PutResponse"],
  "KV/DeleteRange": ["etcdserverpb", "DeleteRangeRequest", "DeleteRangeResponse"],
  "KV/Txn": ["etcdserverpb", "TxnRequest", "TxnResponse"],
  "KV/Compact": ["etcdserverpb", "CompactionRequest", "Header"],
  "Watch/Watch": ["etcdserverpb", "WatchRequest", "WatchResponse"],
  "Lease/LeaseGrant": ["etcdserverpb", "LeaseGrantRequest", "LeaseGrantResponse"],
  "Lease/LeaseRevoke": ["etcdserverpb", "LeaseRequest", "Header"],
  "Lease/LeaseKeepAlive": ["etcdserverpb", "LeaseRequest", "LeaseKeepAliveResponse"],
  "Lease/LeaseTimeToLive": ["etcdserverpb", "LeaseTimeToLiveRequest", "LeaseTimeToLiveResponse"],
  "Lease/LeaseLeases": ["etcdserverpb", "Empty", "LeaseLeasesResponse"],
  "Cluster/MemberList": ["etcdserverpb", "MemberListRequest", "MembersResponse"],
  "Cluster/MemberAdd": ["etcdserverpb", "MemberAddRequest", "MemberAddResponse"],
  "Cluster/MemberRemove": ["etcdserverpb", "MemberRequest", "MembersResponse"],
  "Cluster/MemberUpdate": ["etcdserverpb", "MemberRequest", "MembersResponse"],
  "Cluster/MemberPromote": ["etcdserverpb", "MemberRequest", "MembersResponse"],
  "Maintenance/Alarm": ["etcdserverpb", "AlarmRequest", "AlarmResponse"],
  "Maintenance/Status": ["etcdserverpb", "Empty", "StatusResponse"],
  "Maintenance/Defragment": ["etcdserverpb", "Empty", "Header"],
  "Maintenance/Hash": ["etcdserverpb", "Empty", "HashResponse"],
  "Maintenance/HashKV": ["etcdserverpb", "HashKVRequest", "HashKVResponse"],
  "Maintenance/Snapshot": ["etcdserverpb", "Empty", "SnapshotResponse"],
  "Maintenance/MoveLeader": ["etcdserverpb", "MoveLeaderRequest", "Header"],
  "Auth/AuthEnable": ["etcdserverpb", "Empty", "Header"],
  "Auth/AuthDisable": ["etcdserverpb", "Empty", "Header"],
  "Auth/AuthStatus": ["etcdserverpb", "Empty", "AuthStatusResponse"],
  "Auth/Authenticate": ["etcdserverpb", "AuthenticateRequest", "AuthenticateResponse"],
  "Auth/UserAdd": ["etcdserverpb", "AuthNamed", "Header"],
  "Auth/UserGet": ["etcdserverpb", "AuthNamed", "AuthRolesResponse"],
  "Auth/UserList": ["etcdserverpb", "Empty", "AuthRolesResponse"],
  "Auth/UserDelete": ["etcdserverpb", "AuthNamed", "Header"],
  "Auth/UserGrantRole": ["etcdserverpb", "AuthUserRole", "Header"],
  "Auth/RoleAdd": ["etcdserverpb", "AuthNamed", "Header"],
  "Auth/RoleGet": ["etcdserverpb", "AuthRoleGetRequest", "AuthRoleGetResponse"],
  "Auth/RoleList": ["etcdserverpb", "Empty", "AuthRolesResponse"],
  "Auth/RoleDelete": ["etcdserverpb", "AuthRoleGetRequest", "Header"],
  "Auth/RoleGrantPermission": ["etcdserverpb", "AuthPermissionRequest", "Header"],
  "Lock/Lock": ["v3lockpb", "LockRequest", "LockResponse"],
  "Lock/Unlock": ["v3lockpb", "UnlockRequest", "Header"],
  "Election/Campaign": ["v3electionpb", "CampaignRequest", "CampaignResponse"],
  "Election/Proclaim": ["v3electionpb", "ProclaimRequest", "Header"],
  "Election/Leader": ["v3electionpb", "LeaderRequest", "LeaderResponse"],
  "Election/Observe": ["v3electionpb", "LeaderRequest", "LeaderResponse"],
  "Election/Resign": ["v3electionpb", "ResignRequest", "Header"],
  "Health/Check": ["grpc.health.v1", "HealthCheckRequest", "HealthCheckResponse"],
};

interface Field {
  readonly name: string;
  readonly number: number;
  readonly type: string;
  readonly isRepeated: boolean;
}

// biome-ignore lint/suspicious/noExplicitAny: tests assert on the values that they read.
export type Plain = Record<string, any>;

const FIELDS = new Map(Object.entries(TABLE).map(([message, line]) => [message, parse(line)]));

function parse(line: string): readonly Field[] {
  return (line === "" ? [] : line.split(",")).map((text) => {
    const [, name = "", number, star, type = ""] = /^(\w+)=(\d+) (\*?)(\w+)$/.exec(text) ?? [];
    return { name, number: Number(number), type, isRepeated: star === "*" };
  });
}

function fieldsOf(message: string): readonly Field[] {
  const fields = FIELDS.get(message);
  if (fields === undefined) throw new Error(`there is no message ${message}`);
  return fields;
}

export interface Method {
  readonly path: string;
  readonly asked: string;
  readonly told: string;
}

/** `KV/Range` and the like. */
export function methodOf(call: string): Method {
  const [package_, asked, told] = CALLS[call] ?? ["etcdserverpb", "Empty", "Empty"];
  return { path: `/${package_}.${call}`, asked, told };
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

/** All that the object has is written, zeros too; what the table has not is an error. */
export function encode(message: string, value: Plain): Buffer {
  const fields = fieldsOf(message);
  const unknown = Object.keys(value).find((name) => !fields.some((field) => field.name === name));
  if (unknown !== undefined) throw new Error(`${message} has no ${unknown}`);
  return Buffer.concat(
    fields.flatMap((field) => {
      const given = value[field.name];
      if (given === undefined) return [];
      // Numbers that are repeated lie packed in one field.
      if (field.isRepeated && field.type === "int")
        return delimit(field.number, Buffer.concat(given.map((one: number) => varint(BigInt(one)))));
      return (field.isRepeated ? given : [given]).flatMap((one: unknown) => encodeField(field, one));
    }),
  );
}

function encodeField({ number, type }: Field, value: unknown): Buffer[] {
  if (type === "int" || type === "id" || type === "bool")
    return [varint(BigInt(number * 8)), varint(BigInt(value as number))];
  if (type === "bytes") return delimit(number, Buffer.from(value as string, "latin1"));
  if (type === "text") return delimit(number, Buffer.from(value as string, "utf8"));
  return delimit(number, encode(type, value as Plain));
}

function delimit(number: number, bytes: Buffer): Buffer[] {
  return [varint(BigInt(number * 8 + 2)), varint(BigInt(bytes.length)), bytes];
}

/** What is not in the table is kept under its number, so that it is seen. */
export function decode(message: string, bytes: Buffer): Plain {
  const fields = fieldsOf(message);
  const value: Plain = {};
  readFields(bytes, (number, whole, piece) => {
    const field = fields.find((one) => one.number === number);
    if (field === undefined) value[`?${number}`] = piece.length === 0 ? whole : piece.toString("latin1");
    else if (field.isRepeated) value[field.name] = [...(value[field.name] ?? []), decodeField(field, whole, piece)];
    else value[field.name] = decodeField(field, whole, piece);
  });
  return value;
}

function decodeField({ type }: Field, whole: number, piece: Buffer): unknown {
  if (type === "bool") return whole !== 0;
  if (type === "int") return piece.length === 0 ? whole : toNumber(toLong(whole, piece));
  if (type === "id") return String(BigInt.asUintN(64, toLong(whole, piece)));
  if (type === "bytes") return piece.toString("latin1");
  return type === "text" ? piece.toString("utf8") : decode(type, piece);
}

function toNumber(long: bigint): number | string {
  const number = Number(long);
  return Number.isSafeInteger(number) ? number : String(long);
}
