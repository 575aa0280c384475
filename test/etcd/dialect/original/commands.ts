/** A session with Debian's `etcdctl`, of both versions of the API, as lines of a shell. */

/** `e` is etcdctl. */
export const THIRD: readonly string[] = [
  "e put cli/a one",
  "e put cli/a two --prev-kv",
  "printf piped | e put cli/p",
  "e get cli/a",
  "e get cli/a -w json",
  "e get cli/a -w fields",
  "e get cli/a --print-value-only",
  "e put cli/b three",
  "e get --prefix cli/ --keys-only",
  "e get --prefix cli/ --limit 1 --sort-by MODIFY --order DESCEND",
  "e get --from-key cli/a --limit 2",
  "e get cli/a cli/c",
  "e get cli/none",
  "e get cli/a --rev=100000000",
  "printf '%s\\n' 'value(\"cli/a\") = \"two\"' 'ver(\"cli/a\") > \"1\"' '' 'put cli/t yes' 'get cli/t' '' 'put cli/t no' '' | e txn",
  "printf '%s\\n' 'mod(\"cli/a\") = \"1\"' '' 'put cli/t yes' '' 'get cli/t' 'del cli/t' '' | e txn",
  "e del cli/a --prev-kv",
  "e del --prefix cli/",
  "e del cli/a",
  "e compaction 100000000",
  "e lease grant 600",
  "id=$(e lease grant 600 | cut -d' ' -f2); e put cli/l 1 --lease=$id; e lease timetolive $id --keys; e lease keep-alive --once $id; e lease revoke $id; e get cli/l; e lease timetolive $id; e lease revoke $id",
  "e put cli/l 1 --lease=1234",
  "e lock cli/lock echo held",
  "e lock cli/lock -- sh -c 'exit 3'",
  "e endpoint health",
  "e endpoint status",
  "e endpoint hashkv",
  "e member list",
  "e alarm list",
  "e defrag",
  "e user list",
  "e role list",
  "e role get none",
  "e move-leader 1234",
];

/** What is not alike, and why. */
export const DIFFERING: Readonly<Record<string, string>> = {
  "e user list": "users are the accounts of the registry",
  "e role list": "roles are those of the registry",
  "e move-leader 1234": "nodes agree by themselves on who decides",
};

export const SECOND: readonly string[] = [
  "e set /cli/a one",
  "e get /cli/a",
  "e set /cli/a two",
  "e mk /cli/a x",
  "e mk /cli/b x",
  "e update /cli/b y",
  "e update /cli/none y",
  "e ls --sort /cli",
  "e mkdir /cli/d",
  "e mkdir /cli/d",
  "e setdir /cli/e",
  "e mk /cli/d/x 1",
  "e ls --sort --recursive -p /cli",
  "e set --ttl 600 /cli/t 1",
  "e -o extended get /cli/t",
  "e -o json get /cli/a",
  "e set --swap-with-value two /cli/a three",
  "e set --swap-with-value two /cli/a four",
  "e set --swap-with-index 1 /cli/a four",
  "e get /cli/none",
  "e get /cli/d",
  "e rm /cli/a",
  "e rm /cli/a",
  "e rm --with-value x /cli/b",
  "e rmdir /cli/d",
  "e rmdir /cli/e",
  "e rm --recursive /cli/d",
  "e mk --in-order /cli/q first",
  "e cluster-health",
  "e member list",
];

/** A line for each, and what comes of it behind it. */
export function toScript(program: string, port: number, version: 2 | 3): string {
  const endpoint = version === 2 ? `http://127.0.0.1:${port}` : `127.0.0.1:${port}`;
  const lines = (version === 2 ? SECOND : THIRD).map((line) => `( ${line} ) 2>&1; echo "=> $?"`);
  return [`export ETCDCTL_API=${version}`, `e() { ${program} --endpoints=${endpoint} "$@"; }`, ...lines].join("\n");
}

/** What a server says of itself, and of its own numbers. */
const OWN: readonly (readonly [RegExp, string])[] = [
  // The client's log.
  [/^\{"level".*\n/gm, ""],
  [/^(\S+), \S+, [\d.]+, [\d.]+ \wB, (true|false), (true|false), \d+, \d+, \d+, $/gm, "$1 leads: $2"],
  [/^(\S+:\d+), \d+$/gm, "$1 is hashed"],
  [/^[0-9a-f]{8,16}, started, [^,\n]+, \S*, (\S+), (true|false)$/gm, "a member, learns: $2"],
  [/^[0-9a-f]{8,16}: name=\S+ peerURLs=\S* ?clientURLs=\S+ isLeader=(\w+)$/gm, "a member, leads: $1"],
  [/member [0-9a-f]{8,16} is healthy: got healthy result from \S+/g, "a member is healthy"],
  [/127\.0\.0\.1:\d+/g, "HOST"],
  [/took = [\d.]+\S*/g, "took = T"],
  [/\b[0-9a-f]{15,16}\b/g, "ID"],
  [
    /("(?:cluster_id|member_id|raft_term|revision|create_revision|mod_revision|createdIndex|modifiedIndex)" ?: ?)\d+/g,
    "$1N",
  ],
  [/^("(?:ClusterID|MemberID|Revision|RaftTerm|CreateRevision|ModRevision)" : )\d+$/gm, "$1N"],
  [/((?:Created-Index|Modified-Index|Index|TTL): ?)\d+/g, "$1N"],
  [/remaining\(\d+s\)/g, "remaining(N)"],
  [/\[\d+ != \d+\]/g, "[N != N]"],
  [/(\(.*\) )?\[\d+\]$/gm, "$1[N]"],
];

export function maskCommand(text: string): string {
  return OWN.reduce((masked, [pattern, word]) => masked.replaceAll(pattern, word), text);
}
