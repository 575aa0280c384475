import type { Client, NodeStatusBody } from "@rollcall/client";
import { type Command, Option } from "commander";
import type { ServeConfig } from "../config/load.ts";
import { SETTINGS } from "../config/settings.ts";
import { type Finding, finding } from "../doctor/finding.ts";
import { connect } from "../terminal/connection.ts";
import { EXIT, Failure } from "../terminal/exit.ts";
import { roomText, type Tone, toAge, toSpan } from "../terminal/output.ts";
import { VERSION } from "../version.ts";
import { loaderOf, storeOptions, toOption } from "./run/serve.ts";

/** What finds the registry of an agent. */
const UPSTREAM = /^upstream\.(?!holdMs$)/;

export function defineDoctor(program: Command): void {
  const doctor = program
    .command("doctor")
    .summary("look for what would keep a registry from running well here")
    .description(
      "Looks at the program, the configuration, ports, the data directory, etcd if it is to hold the registry, the registry that an agent is to follow (--replicator upstream), certificates, the clock, and the registry at --url if one runs. Changes nothing. Exit code 1 when something is bad.",
    )
    .addOption(
      new Option("--config <file>", "configuration file; rollcall.yaml when it is there").env("ROLLCALL_CONFIG"),
    )
    .option("--data <dir>", "directory of the store");
  for (const option of storeOptions()) doctor.addOption(option);
  for (const setting of SETTINGS) if (UPSTREAM.test(setting.key)) doctor.addOption(toOption(setting));
  doctor.action(async (_flags: object, self: Command) => {
    const { out } = await connect(self);
    const findings = await examine(self);
    if (out.json) out.document({ findings });
    else
      out.table(
        [
          { title: "what", whole: true },
          { title: "verdict", whole: true },
          { title: "detail", whole: true },
        ],
        findings.map((one) => [one.name, { text: one.verdict, tone: TONES[one.verdict] }, one.detail]),
        "",
      );
    const bad = findings.filter((one) => one.verdict === "bad").length;
    if (bad > 0) throw new Failure(EXIT.refused, bad === 1 ? "one thing is bad" : `${bad} things are bad`);
  });
}

const TONES: Readonly<Record<Finding["verdict"], Tone>> = { good: "good", note: "dim", warn: "warn", bad: "bad" };

async function examine(command: Command): Promise<Finding[]> {
  const [certificates, disk, machine, ports] = await Promise.all([
    import("../doctor/certificates.ts"),
    import("../doctor/disk.ts"),
    import("../doctor/machine.ts"),
    import("../doctor/ports.ts"),
  ]);
  const loaded = (await loaderOf(command))();
  const { status, told, findings } = await meet(command);
  const nowMs = Date.now();
  const rest = loaded.ok
    ? [
        finding("configuration", "good", "is right; rollcall serve --check looks at settings of dialects too"),
        ...(await ports.examinePorts(loaded.value, status)),
        ...(loaded.value.replicator === "memory" ? [] : await disk.examineDisk(loaded.value.data)),
        ...(await examineStore(loaded.value, nowMs)),
        ...(await certificates.examineCertificates(loaded.value.tls, nowMs)),
      ]
    : loaded.problems.map((problem) => finding("configuration", "bad", problem));
  return [
    machine.examineVersion(),
    ...(await machine.examineDescriptors()),
    machine.examineClock(nowMs, told),
    ...findings,
    ...rest,
  ];
}

async function examineStore({ replicator, etcd, upstream, data }: ServeConfig, nowMs: number): Promise<Finding[]> {
  if (replicator === "upstream") {
    const { examineUpstream } = await import("../doctor/upstream.ts");
    return examineUpstream(upstream, data, nowMs);
  }
  if (replicator !== "etcd") return [];
  const { examineEtcd } = await import("../doctor/etcd.ts");
  return examineEtcd(etcd, data, nowMs);
}

interface Met {
  readonly status: NodeStatusBody | undefined;
  readonly told: { readonly theirsMs: number; readonly tookMs: number } | undefined;
  readonly findings: readonly Finding[];
}

/** The registry at --url. None running is no fault: the doctor is asked before the first start as well. */
async function meet(command: Command): Promise<Met> {
  const { client } = await connect(command);
  let theirsMs = Number.NaN;
  const beganMs = performance.now();
  try {
    const response = await fetch(new URL("/healthz", client.url), { signal: AbortSignal.timeout(5000) });
    theirsMs = Date.parse(response.headers.get("date") ?? "");
  } catch {
    // Told by what follows.
  }
  const tookMs = performance.now() - beganMs;
  try {
    const status = await client.status();
    const told = Number.isNaN(theirsMs) ? undefined : { theirsMs, tookMs };
    return { status, told, findings: [...describe(status), ...(await examineHooks(client))] };
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    const verdict = code === "unreachable" ? "note" : "warn";
    return {
      status: undefined,
      told: undefined,
      findings: [
        finding(
          "registry",
          verdict,
          client.urls.some((one) => message.includes(one)) ? message : `${client.url}: ${message}`,
        ),
      ],
    };
  }
}

/** Of the account that was asked about. */
async function examineHooks(client: Client): Promise<Finding[]> {
  // Who may not see them, or asks a registry that knows none, hears nothing of them.
  const hooks = await client.hooks.list().then(
    (body) => body.hooks,
    () => [],
  );
  const nowMs = Date.now();
  return hooks.flatMap(({ hook, failing }) =>
    failing === null
      ? []
      : [finding("hooks", "warn", `${hook} is not taken for ${toAge(failing.since, nowMs)}: ${failing.reason}`)],
  );
}

function describe(status: NodeStatusBody): Finding[] {
  const held = status.accounts.reduce((sum, one) => sum + one.held, 0);
  const age = toAge(status.startedAt, Date.now());
  const why = status.reason ? `: ${status.reason}` : "";
  return [
    finding("registry", status.ready ? "good" : "bad", `${status.ready ? "ready" : "not ready"}, up for ${age}${why}`),
    ...(status.stale ? [finding("agent", "warn", `${status.stale}: what it shows may be old`)] : []),
    ...(status.replicator === "upstream" && !status.stale
      ? [finding("agent", "good", "its registry is followed: what it shows is current")]
      : []),
    ...(status.version === VERSION
      ? []
      : [finding("registry", "warn", `it is rollcall ${status.version}, this is ${VERSION}`)]),
    ...(status.open
      ? [finding("access", "note", "open: there is no token, whoever reaches it may do everything")]
      : []),
    ...describeNodes(status.cluster),
    describeRoom(status.store),
    ...status.differences.map(({ node, settings }) =>
      finding("nodes", "warn", `${node} is configured otherwise than ${status.node}: ${nameSome(settings)}`),
    ),
    ...(held > 0 ? [finding("protection", "warn", `${held} leases are held: see rollcall held`)] : []),
  ];
}

const NAMED_MAX = 20;

function nameSome(settings: readonly string[]): string {
  const more = settings.length - NAMED_MAX;
  return settings.slice(0, NAMED_MAX).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function describeNodes(cluster: NodeStatusBody["cluster"]): Finding[] {
  if (cluster === null) return [];
  const { nodes, partitioned, behind } = cluster;
  const gone = nodes.filter(({ reached }) => !reached).map(({ node }) => node);
  const reached = `${nodes.length - gone.length} of ${nodes.length} nodes are reached`;
  const missing = gone.length === 0 ? reached : `${reached}, not ${gone.join(", ")}`;
  return [
    partitioned
      ? finding("nodes", "bad", `${missing}: it takes itself for cut off`)
      : finding("nodes", gone.length === 0 ? "good" : "warn", missing),
    ...(behind.ms < BEHIND_MS ? [] : [finding("nodes", "warn", `it is behind the others for ${toSpan(behind.ms)}`)]),
  ];
}

/** Nodes are never long without the same. */
const BEHIND_MS = 60_000;

/** Above this share of what it may hold, it is time for more heap. */
const NEARLY_FULL = 0.8;

function describeRoom(store: NodeStatusBody["store"]): Finding {
  const detail = `holds ${roomText(store)} of heap`;
  if (store.bytes < NEARLY_FULL * store.bytesMax) return finding("room", "good", detail);
  return finding("room", "warn", `${detail}: give Node more heap (--max-old-space-size) or delete something`);
}
