import type { AccountBody, AccountLimitsBody, Client, ClusterBody, NodeStatusBody, Role } from "@rollcall/client";
import { type Command, Option } from "commander";
import { type Context, connect, DEFAULT_ACCOUNT } from "../terminal/connection.ts";
import { EXIT, Failure } from "../terminal/exit.ts";
import { toWhole } from "../terminal/flags.ts";
import { type Cell, inOrder, type Output, roomText, toAge, toBytesText, toSpan, toUrl } from "../terminal/output.ts";

export function defineAdmin(program: Command): void {
  program
    .command("status")
    .summary("show the state of the registry")
    .description("Shows the node, its listeners, what each account holds, and the other nodes and etcd, if any.")
    .action(async (_flags: object, self: Command) => {
      const { client, out } = await connect(self);
      const body = await client.status();
      if (out.json) out.document(body);
      else showStatus(out, body, Date.now());
    });
  defineTokens(program);
  defineAccounts(program);
}

function showStatus(out: Output, body: NodeStatusBody, nowMs: number): void {
  const state: Cell = body.ready ? { text: "ready", tone: "good" } : { text: "not ready", tone: "bad" };
  out.fields([
    ["node", body.node],
    ["state", state],
    ["version", body.version],
    ["up for", toAge(body.startedAt, nowMs)],
    ["replicator", body.replicator],
    ["revision", `${body.revision} (history since ${body.floor})`],
    ["holds", roomText(body.store)],
    ["access", body.open ? { text: "open: there is no token", tone: "warn" } : "with tokens"],
    ...body.differences.map(({ node, settings }): [string, Cell] => [
      `not as ${node}`,
      { text: settings.join(", "), tone: "warn" },
    ]),
    ...(body.cluster ? [["behind", behindText(body.cluster, hasOrders(body))] as const] : []),
  ]);
  if (body.reason) out.line(out.paint({ text: body.reason, tone: "bad" }));
  if (body.stale) out.line(out.paint({ text: body.stale, tone: "warn" }));
  if (body.cluster) showCluster(out, body.cluster, hasOrders(body), nowMs);
  out.line("");
  out.table(
    [{ title: "dialect" }, { title: "listens on" }],
    body.endpoints.map((one) => [one.dialect, toUrl(one.scheme, one.host, one.port)]),
    "nothing listens",
  );
  out.line("");
  out.table(
    [
      { title: "account" },
      { title: "services", right: true },
      { title: "instances", right: true },
      { title: "leases", right: true },
      { title: "held", right: true },
      { title: "keys", right: true },
    ],
    inOrder(
      body.accounts.map((one): Cell[] => [
        one.account,
        String(one.services),
        String(one.instances),
        String(one.leases),
        one.held > 0 ? { text: String(one.held), tone: "warn" } : "0",
        String(one.keys),
      ]),
    ),
    "no accounts",
  );
}

/** Each node has an order of its own: how far apart they are is told in place of revisions. */
function hasOrders({ replicator }: NodeStatusBody): boolean {
  return replicator === "gossip";
}

function behindText({ behind: { revisions, ms }, nodes }: ClusterBody, isApart: boolean): Cell {
  const isAlone = nodes.every(({ self, reached }) => self || !reached);
  if (revisions === 0 && ms > 0 && isAlone)
    return { text: `not known: no other node is reached, for ${toSpan(ms)}`, tone: "warn" };
  const what = isApart ? "changes" : "revisions";
  return revisions === 0 ? "nothing" : { text: `${revisions} ${what}, for ${toSpan(ms)}`, tone: "warn" };
}

/** The nodes, and the members of etcd. */
function showCluster(out: Output, { nodes, etcd, partitioned }: ClusterBody, isApart: boolean, nowMs: number): void {
  if (partitioned)
    out.line(out.paint({ text: "cut off: at most half of the nodes that it knows are there", tone: "bad" }));
  out.line("");
  out.table(
    [
      { title: "node" },
      { title: "link", whole: true },
      { title: "here for", right: true },
      { title: "heard", right: true },
      { title: "leases", right: true },
      { title: isApart ? "differs" : "revision", right: true },
      { title: "" },
    ],
    inOrder(
      nodes.map((one): Cell[] => [
        one.self ? { text: `${one.node} (this one)`, tone: "bold" } : one.node,
        one.address ?? "-",
        toAge(one.since, nowMs),
        one.self || one.heardMs === null ? "-" : toSpan(one.heardMs),
        one.leases === null ? "-" : String(one.leases),
        isApart ? apartText(one) : one.revision === null ? "-" : String(one.revision),
        nodeText(one, isApart),
      ]),
    ),
    "no nodes",
  );
  if (!isApart) showMembers(out, etcd);
}

/** By how much, and for how long: `0`, `12, 3s`. */
function apartText({ behind }: ClusterBody["nodes"][number]): Cell {
  if (behind === null) return "-";
  const { changes, ms } = behind;
  if (changes === 0) return "0";
  const text = [changes === null ? "?" : String(changes), ...(ms === null ? [] : [toSpan(ms)])].join(", ");
  return { text, tone: "warn" };
}

function nodeText({ reached, present, duty }: ClusterBody["nodes"][number], isApart: boolean): Cell {
  if (!reached) return present && isApart ? { text: "by others", tone: "warn" } : { text: "not reached", tone: "bad" };
  if (!duty) return "";
  return isApart ? "on duty" : "decides for all";
}

function showMembers(out: Output, etcd: ClusterBody["etcd"]): void {
  out.line("");
  const right = true;
  out.table(
    [
      { title: "etcd", whole: true },
      { title: "name" },
      { title: "version" },
      { title: "is" },
      { title: "database", right },
      { title: "in use", right },
      { title: "quota", right },
    ],
    etcd.map((one): Cell[] => [
      one.url,
      one.name,
      one.version ?? "-",
      one.error === null ? (one.leader ? "leader" : "follower") : { text: "silent", tone: "bad" },
      one.error === null ? toBytesText(one.bytes) : "-",
      one.error === null ? toBytesText(one.usedBytes) : "-",
      one.quotaBytes === null ? "-" : toBytesText(one.quotaBytes),
    ]),
    "nothing is known of etcd yet",
  );
  for (const { url, error, alarms } of etcd)
    for (const wrong of error === null ? alarms : [error])
      out.line(out.paint({ text: `${url}: ${wrong}`, tone: "bad" }));
}

function defineTokens(program: Command): void {
  const token = program
    .command("token")
    .summary("make, list and remove tokens")
    .description("Makes, lists and removes tokens.");
  token
    .command("create <name>")
    .summary("make a token")
    .description(
      "Makes a token for --account and prints its secret, this once. The first one ends open mode: it must be for --role admin and --all-accounts.",
    )
    .addOption(new Option("--role <role>", "what it allows").choices(["reader", "writer", "admin"]).default("writer"))
    .option("--all-accounts", "for all accounts instead of one")
    .action(async (name: string, flags: { role: Role; allAccounts?: boolean }, self: Command) => {
      const { client, out, account } = await connect(self);
      const isFirst = (await client.status()).open;
      if (!isFirst && !flags.allAccounts) await checkThere(client, account);
      const made = await client.admin.tokens.create({
        name,
        role: flags.role,
        account: flags.allAccounts ? null : account,
      });
      if (out.json) return out.document(made);
      out.line(made.token);
      out.note(
        `${made.role} token "${made.name}" (${made.id}) for ${made.account ?? "all accounts"}. It is shown this once: keep it safe.`,
      );
      if (isFirst)
        out.note("It is the first token: from now on the registry refuses every request without one, from everybody.");
    });
  token
    .command("list")
    .summary("list tokens")
    .description("Lists tokens; never their secrets.")
    .action(async (_flags: object, self: Command) => {
      const { client, out } = await connect(self);
      const tokens = await client.admin.tokens.list();
      if (out.json) return out.document({ tokens });
      const nowMs = Date.now();
      out.table(
        [
          { title: "name" },
          { title: "id", whole: true },
          { title: "account" },
          { title: "role" },
          { title: "age", right: true },
        ],
        inOrder(tokens.map((one) => [one.name, one.id, one.account ?? "(all)", one.role, toAge(one.createdAt, nowMs)])),
        "no tokens",
      );
    });
  token
    .command("remove <id>")
    .summary("remove a token")
    .description("Removes a token: requests with it are refused from now on.")
    .action(async (id: string, _flags: object, self: Command) => {
      const { client, out } = await connect(self);
      await client.admin.tokens.remove(id);
      if (out.json) out.document({ id, removed: true });
      else out.line(`token ${id} removed`);
    });
}

/** The API makes tokens for accounts to come; on the command line the name is more likely mistyped. */
async function checkThere(client: Client, account: string): Promise<void> {
  const accounts = await client.admin.accounts.list();
  if (account === DEFAULT_ACCOUNT || accounts.some((one) => one.account === account)) return;
  throw new Failure(EXIT.notFound, `there is no account ${account}`, `Make it first: rollcall account set ${account}`);
}

const LIMIT_FLAGS: readonly (readonly [keyof AccountLimitsBody, string, string])[] = [
  ["instancesMax", "instances-max", "instances it may have"],
  ["servicesMax", "services-max", "services it may have"],
  ["keysMax", "keys-max", "configuration keys it may have"],
  ["leasesMax", "leases-max", "leases it may have"],
  ["bytesMax", "bytes-max", "bytes that all of it may take"],
  ["requestsPerSecondMax", "requests-per-second-max", "requests it may make in a second"],
];

const UNLIMITED_BY_ZERO: readonly (keyof AccountLimitsBody)[] = ["bytesMax", "requestsPerSecondMax"];

function defineAccounts(program: Command): void {
  const account = program
    .command("account")
    .summary("list and set up accounts")
    .description("Lists accounts and sets them up.");
  account
    .command("list")
    .summary("list accounts")
    .description("Lists accounts with their limits.")
    .action(async (_flags: object, self: Command) => {
      const { client, out } = await connect(self);
      const accounts = await client.admin.accounts.list();
      if (out.json) out.document({ accounts });
      else showAccounts(out, accounts);
    });
  defineRemoval(account);
  const set = account
    .command("set <name>")
    .summary("make an account or change its limits")
    .description("Makes an account, or changes the limits that are given. Open mode goes on until there is a token.");
  for (const [, flag, meaning] of LIMIT_FLAGS) set.option(`--${flag} <number>`, meaning);
  set.action(async (name: string, flags: Record<string, string>, self: Command) =>
    setAccount(await connect(self), name, flags),
  );
}

function defineRemoval(account: Command): void {
  account
    .command("delete <name>")
    .summary("forget an account")
    .description(
      "Forgets an account: its limits and its tokens. Refused while it holds instances, leases or keys, unless --contents deletes them too. Exit code 4 when it is not there.",
    )
    .option("--contents", "and everything that it holds")
    .action(async (name: string, flags: { contents?: boolean }, self: Command) => {
      const { client, out } = await connect(self);
      await client.admin.accounts.remove(name, { contents: flags.contents === true });
      if (out.json) out.document({ account: name, removed: true });
      else out.line(`account ${name} deleted`);
    });
}

async function setAccount({ client, out }: Context, name: string, flags: Record<string, string>): Promise<void> {
  const limits: Partial<AccountLimitsBody> = {};
  for (const [key, flag] of LIMIT_FLAGS) if (flags[key] !== undefined) limits[key] = toWhole(flags[key], `--${flag}`);
  const body = await client.admin.accounts.set(name, limits);
  if (out.json) out.document(body);
  else showAccounts(out, [body]);
}

function showAccounts(out: Output, accounts: readonly AccountBody[]): void {
  out.table(
    [
      { title: "account" },
      { title: "tenant" },
      ...["instances", "services", "keys", "leases", "bytes", "requests/s"].map((title) => ({
        title: `${title} max`,
        right: true,
      })),
    ],
    inOrder(
      accounts.map((one) => [one.account, one.tenant, ...LIMIT_FLAGS.map(([key]) => limitText(key, one.limits[key]))]),
    ),
    "no accounts",
  );
}

function limitText(key: keyof AccountLimitsBody, value: number): string {
  return UNLIMITED_BY_ZERO.includes(key) && value === 0 ? "-" : value.toLocaleString("en");
}
