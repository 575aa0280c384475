/**
 * Nerve's configuration (github.com/airbnb/nerve, README and lib/nerve/configuration_manager.rb) as services of this machine.
 * Beside Nerve's keys there are some of our own: checks of type `grpc`, `exec` and `ttl`, and `on_failure: mark`. Pure.
 */
import { isLegalName, LIMITS, type Outcome, ok } from "../../core/index.ts";
import {
  type LocalCheck,
  type LocalService,
  type Problems,
  type ReadOptions,
  USUAL,
  type ZooKeeperPlace,
} from "../config.ts";
import { META_OPTIONS, serviceOfPath, tidyPath } from "../names.ts";
import { Findings, openFile, readHosts, type Section, type SourceFile, servicesOf } from "../tree.ts";
import { type CheckDefaults, foreignOf, readCheck } from "./checks.ts";

export interface NerveRead {
  readonly services: readonly LocalService[];
  readonly notes: readonly string[];
}

/** What Nerve reports an instance as that says nothing of it; as the layout of its nodes has it. */
const WEIGHT = 1;
const INTERVAL_S = 0.5;
/** About as long as Nerve's session outlives it. */
const TTL_MS = 30_000;

/** `more`: the files of `service_conf_dir`, one for each service, named by it. */
export function readNerve(
  file: SourceFile,
  more: readonly SourceFile[] = [],
  reading: ReadOptions = USUAL,
): Outcome<NerveRead, Problems> {
  const findings = new Findings();
  const top = openFile(file, findings);
  if (top === undefined) return { ok: false, problems: findings.problems };
  const instanceId = top.needed("instance_id");
  if (instanceId !== "" && !isLegalName(instanceId, LIMITS.idLengthMax - 6))
    top.refuse("instance_id", "is no legal id");
  const services: LocalService[] = [];
  for (const [name, section] of servicesOf(top, more, findings)) {
    const service = readService(name, section, instanceId, reading);
    const own = service === undefined ? undefined : tellApart(service, services);
    if (own !== undefined) services.push(own);
    else if (service !== undefined) section.note("", "is an instance that is there already, and is left out");
  }
  top.drop("heartbeat_path", "the agent's life shows in the registry");
  top.drop("statsd", "there are no metrics by statsd");
  top.drop("max_repeated_report_failures", "what cannot be reported is tried until it can");
  top.drop("listen_port", "there is no such port");
  top.end();
  if (findings.problems.length > 0) return { ok: false, problems: findings.problems };
  return ok({ services, notes: findings.notes });
}

/** Of two with one name in one service, the later one has its port with it; undefined when that is there, too. */
function tellApart(service: LocalService, others: readonly LocalService[]): LocalService | undefined {
  const nameOf = ({ service: name, id, zookeeper }: LocalService): string => JSON.stringify([name, id, zookeeper]);
  const taken = new Set(others.map(nameOf));
  const longer = { ...service, id: `${service.id}:${service.port}` };
  return [service, longer].find((one) => !taken.has(nameOf(one)));
}

function readService(
  name: string,
  section: Section,
  instanceId: string,
  reading: ReadOptions,
): LocalService | undefined {
  const address = section.needed("host");
  const port = section.has("port") ? section.port("port", 0) : 0;
  if (!section.has("port")) section.refuse("port", "is missing");
  const { service, ...place } = readReporter(name, section, reading);
  const intervalMs = 1000 * section.number("check_interval", INTERVAL_S, 0.05, 3600);
  const isMocked = section.flag("check_mocked", false);
  if (!section.has("checks") && !isMocked)
    section.refuse("checks", "is missing: a service without a check is always up; say [] if that is meant");
  const given = section.sections("checks");
  // What is mocked is not run, so it is not looked at.
  const { isForeign, checks } = readChecks(isMocked ? [] : given, { host: address, port, intervalMs });
  const options = section.text("haproxy_server_options");
  const meta = { ...section.map("labels"), ...(options === "" ? {} : { [META_OPTIONS]: options }) };
  const weight = section.number("weight", WEIGHT, 0, 65_535);
  const failing = section.word("on_failure", ["withdraw", "mark"]) ?? "withdraw";
  if (place.zookeeper !== undefined && failing === "mark")
    section.refuse("on_failure", "cannot be mark: a node of ZooKeeper says nothing of its instance's health");
  section.drop("rate_limiting", "the registry is told of changes only, and of each");
  section.end();
  if (service === undefined || isForeign) return undefined;
  return {
    ...{ service, id: instanceId, address, port, weight, meta, checks, failing, ...place },
    ...{ protocol: "", tags: [], version: "", zone: "", status: "passing" as const, ttlMs: TTL_MS },
  };
}

/** Nobody says of a service that it is alive whose check is not run: it is left out. */
function readChecks(
  sections: readonly Section[],
  defaults: CheckDefaults,
): { readonly isForeign: boolean; readonly checks: readonly LocalCheck[] } {
  let isForeign = false;
  const checks = sections.flatMap((section, at): readonly LocalCheck[] => {
    const foreign = foreignOf(section);
    const check = foreign === undefined ? readCheck(section, at, defaults) : undefined;
    if (foreign === undefined) return check === undefined ? [] : [check];
    section.leave(section.has("module") ? "module" : "type", `its service is left out; ${foreign}`);
    isForeign = true;
    return [];
  });
  return { isForeign, checks };
}

interface Reporter {
  /** Undefined when there is no legal name for it. */
  readonly service: string | undefined;
  readonly zookeeper?: ZooKeeperPlace;
}

/** Where it is reported, and as what. */
function readReporter(name: string, section: Section, { zookeeper: isAsked }: ReadOptions): Reporter {
  const reporter = section.word("reporter_type", ["zookeeper", "etcd", "base"]) ?? "zookeeper";
  section.drop("etcd_host", "the registry of --url is told");
  section.drop("etcd_port", "the registry of --url is told");
  const isOwn = isAsked && reporter === "zookeeper";
  if (!isOwn) {
    section.drop("zk_hosts", "the registry of --url is told, and shows Nerve's nodes by the layout `nerve`");
    section.drop("use_path_encoding", "the layout `nerve` decides it");
  }
  for (const key of ["node_type", "ttl_seconds"])
    section.drop(key, isOwn ? "nodes are ephemeral and sequential" : "the layout `nerve` decides it");
  const path = section.text("zk_path") || section.text("etcd_path");
  section.text("etcd_path");
  const found = path === "" ? (isLegalName(name) ? name : undefined) : serviceOfPath(path);
  if (found === undefined)
    section.refuse(
      reporter === "etcd" ? "etcd_path" : "zk_path",
      "ends with no folder that is a legal name of a service",
    );
  if (!isOwn) return { service: found };
  const hosts = readHosts(section, "zk_hosts");
  if (path === "") section.refuse("zk_path", "is missing");
  return {
    service: found,
    zookeeper: { hosts, path: tidyPath(path), encodes: section.flag("use_path_encoding", false) },
  };
}
