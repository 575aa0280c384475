import { hostname } from "node:os";
import type {
  CheckKind,
  RegisterCheckBody,
  RegisterOptions,
  RegisterSpec,
  Registration,
  Status,
} from "@rollcall/client";
import { type Command, Option } from "commander";
import { type Context, connect, untilInterrupted } from "../terminal/connection.ts";
import { EXIT, Failure } from "../terminal/exit.ts";
import { collect, STATUSES, toPairs, toTtl, toWhole } from "../terminal/flags.ts";
import { toSpan } from "../terminal/output.ts";
import { outliveReaders } from "../terminal/streams.ts";

interface RegisterFlags {
  readonly address: string;
  readonly port?: string;
  readonly namedPort?: string[];
  readonly protocol?: string;
  readonly tag?: string[];
  readonly meta?: string[];
  readonly version?: string;
  readonly zone?: string;
  readonly weight?: string;
  readonly status?: Status;
  readonly check?: string[];
  readonly checkInterval?: string;
  readonly ttl?: string;
  readonly lease?: string;
  readonly ifAbsent?: boolean;
  readonly keep?: boolean;
  readonly linger?: string;
}

export function defineRegister(program: Command): void {
  program
    .command("register <service> [id]")
    .summary("register an instance")
    .description(
      "Registers an instance, or changes it. Without --keep it stays for its time to live: renew it by registering again.",
    )
    .option("--address <host>", "where it is reached", "127.0.0.1")
    .option("--port <number>", "its main port")
    .option("--named-port <name=number>", "another port (repeatable)", collect)
    .option("--protocol <name>", "what it speaks, such as http")
    .option("--tag <tag>", "a tag (repeatable)", collect)
    .option("--meta <key=value>", "a meta entry (repeatable)", collect)
    .option("--version <version>", "its version")
    .option("--zone <zone>", "where it runs")
    .option("--weight <number>", "its share of the load, 0 to 65535 [100]")
    .addOption(new Option("--status <status>", "what it says of itself [passing]").choices(STATUSES))
    .option(
      "--check <kind:target>",
      "a check that the registry runs: http:/health, tcp, grpc, udp, http2; or ttl, which is to be reported (repeatable)",
      collect,
    )
    .option("--check-interval <duration>", "between two runs of each [10s]")
    .option("--ttl <duration>", "time to live, such as 10s; 0 for ever [30s]")
    .option("--lease <lease>", "live as long as this lease instead")
    .option("--if-absent", "refuse when it is there already")
    .option("--keep", "stay and heartbeat until Ctrl-C, then deregister")
    .option(
      "--linger <ms>",
      "with --keep, hold a connection instead of heartbeats: when that ends, as by a kill, the instance goes after so long",
    )
    .action(async (service: string, id: string | undefined, flags: RegisterFlags, self: Command) => {
      const context = await connect(self);
      const spec = toSpec(service, id, flags);
      const ifAbsent = flags.ifAbsent === true;
      const lingerMs = flags.linger === undefined ? undefined : toWhole(flags.linger, "--linger", 50, 3_600_000);
      if (flags.keep) await keep(context, spec, { ifAbsent, ...(lingerMs && { alive: "connection", lingerMs }) });
      else if (lingerMs !== undefined) throw new Failure(EXIT.usage, "--linger goes with --keep");
      else await once(context, spec, ifAbsent);
    });

  program
    .command("deregister <service> <id>")
    .summary("take an instance out")
    .description("Takes an instance out of the registry. Exit code 4 when it is not there.")
    .action(async (service: string, id: string, _flags: object, self: Command) => {
      const { client, out } = await connect(self);
      if (!(await client.deregister(service, id))) throw new Failure(EXIT.notFound, `there is no ${service}/${id}`);
      if (out.json) out.document({ service, id, deregistered: true });
      else out.line(`${service}/${id} deregistered`);
    });
}

function toSpec(service: string, id: string | undefined, flags: RegisterFlags): RegisterSpec {
  const ports = Object.entries(toPairs(flags.namedPort, "--named-port") ?? {}).map(
    ([name, port]) => [name, toWhole(port, "--named-port", 0, 65535)] as const,
  );
  const meta = toPairs(flags.meta, "--meta");
  const { protocol, tag, version, zone, weight, status, ttl, lease } = flags;
  return {
    service,
    id: id ?? [hostname(), flags.port].filter(Boolean).join("-"),
    address: flags.address,
    ...(flags.port !== undefined && { port: toWhole(flags.port, "--port", 0, 65535) }),
    ...(ports.length > 0 && { ports: Object.fromEntries(ports) }),
    ...(protocol !== undefined && { protocol }),
    ...(tag && { tags: tag }),
    ...(meta && { meta }),
    ...(version !== undefined && { version }),
    ...(zone !== undefined && { zone }),
    ...(weight !== undefined && { weight: toWhole(weight, "--weight", 0, 65535) }),
    ...(status && { status }),
    ...(flags.check && { checks: toChecks(flags.check, flags.checkInterval) }),
    ...(ttl !== undefined && { ttl: toTtl(ttl) }),
    ...(lease !== undefined && { lease }),
  };
}

const CHECK = /^(http2?|tcp|grpc|udp|ttl)(?::(.+))?$/;

/** `http:/health`, `http://10.0.0.1/health`, `tcp`, `tcp:9000`, `grpc::9000/service`. */
function toChecks(given: readonly string[], interval: string | undefined): RegisterCheckBody[] {
  const kinds = new Map<string, number>();
  return given.map((text): RegisterCheckBody => {
    const [, kind, rest = ""] = CHECK.exec(text) ?? [];
    if (kind === undefined)
      throw new Failure(
        EXIT.usage,
        `--check must be such as http:/health, tcp, grpc, udp, http2 or ttl, not ${JSON.stringify(text)}`,
      );
    const nth = (kinds.get(kind) ?? 0) + 1;
    kinds.set(kind, nth);
    return {
      id: nth === 1 ? kind : `${kind}-${nth}`,
      kind: kind as CheckKind,
      target: rest.startsWith("//") ? text : /^[0-9]+$/.test(rest) ? `:${rest}` : rest,
      ...(interval !== undefined && { interval: /^[0-9]+$/.test(interval) ? Number(interval) : interval }),
    };
  });
}

async function once({ client, out }: Context, spec: RegisterSpec, ifAbsent: boolean): Promise<void> {
  const answer = await client.registerOnce(spec, { ifAbsent });
  if (out.json) return out.document(answer);
  const life = answer.ttlMs === null ? "for ever" : `for ${toSpan(answer.ttlMs)}`;
  out.line(
    `${spec.service}/${spec.id} ${answer.created ? "registered" : "is registered"} ${life} (revision ${answer.revision})`,
  );
}

async function keep({ client, out }: Context, spec: RegisterSpec, options: RegisterOptions): Promise<void> {
  const interrupted = untilInterrupted();
  // What it is for is no output: it goes on when nobody reads that, or the disk is full.
  outliveReaders();
  let away = false;
  const registration: Registration = await client.register(spec, {
    ...options,
    patient: false,
    onState(state, error) {
      if (state === "away" && !away) out.note(`lost touch, trying again: ${(error as Error).message}`);
      if (state === "registered" && away) out.note("in touch again");
      away = state === "away";
    },
  });
  if (out.json) out.object(registration.registered);
  else out.line(`${spec.service}/${spec.id} registered; Ctrl-C deregisters it`);
  await aborted(interrupted);
  await registration.close();
  if (!out.json) out.line(`${spec.service}/${spec.id} deregistered`);
}

/** Keeps the process alive until then: the SDK's own timers do not. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const alive = setInterval(() => {}, 60_000);
    const done = () => {
      clearInterval(alive);
      resolve();
    };
    if (signal.aborted) done();
    else signal.addEventListener("abort", done, { once: true });
  });
}
