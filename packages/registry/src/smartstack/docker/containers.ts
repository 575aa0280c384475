/**
 * Containers as instances: as Registrator reads their `SERVICE_…` variables and labels (github.com/gliderlabs/registrator,
 * bridge/util.go), or by skydock's names (github.com/crosbymichael/skydock). Pure.
 */
import { isLegalName, type Status } from "../../core/index.ts";
import type { DockerConfig, LocalService } from "../config.ts";
import { checksOf } from "./checks.ts";

/** What is read of `GET /containers/{id}/json`; anything may be missing. */
export interface Container {
  readonly Id?: string;
  readonly Name?: string;
  readonly Config?: {
    readonly Image?: string;
    readonly Env?: readonly string[] | null;
    readonly Labels?: Readonly<Record<string, string>> | null;
    readonly ExposedPorts?: Readonly<Record<string, unknown>> | null;
    readonly Hostname?: string;
  };
  readonly State?: {
    readonly Running?: boolean;
    readonly Paused?: boolean;
    readonly Health?: { readonly Status?: string };
  };
  readonly HostConfig?: { readonly NetworkMode?: string };
  readonly NetworkSettings?: {
    readonly IPAddress?: string;
    readonly Ports?: Readonly<Record<string, readonly Binding[] | null>> | null;
    readonly Networks?: Readonly<Record<string, { readonly IPAddress?: string }>> | null;
  };
}

interface Binding {
  readonly HostIp?: string;
  readonly HostPort?: string;
}

interface Port {
  readonly exposed: number;
  readonly protocol: string;
  readonly address: string;
  readonly port: number;
}

const WEIGHT = 100;
const PREFIX = "SERVICE_";

/** None for a container that does not run, or has nothing to say. */
export function servicesOf(container: Container, config: DockerConfig): readonly LocalService[] {
  if (container.State?.Running !== true) return [];
  if (config.naming === "skydock") return skydockOf(container, config);
  const ports = portsOf(container, config).filter(({ port, address }) => port > 0 && address !== "");
  return ports.flatMap((port) => registratorOf(container, port, ports.length > 1, config));
}

function registratorOf(
  container: Container,
  port: Port,
  isGroup: boolean,
  config: DockerConfig,
): readonly LocalService[] {
  const { values, ofPort } = said(container, port.exposed);
  const { ignore = "", name = "", tags = "", id = "", ...meta } = values;
  if (ignore !== "" || (name === "" && config.explicit)) return [];
  const base = name === "" ? imageOf(container) : name;
  const service = isGroup && !ofPort.has("name") ? `${base}-${port.exposed}` : base;
  const udp = port.protocol === "udp";
  const own = id === "" ? `${config.hostName}:${nameOf(container)}:${port.exposed}${udp ? ":udp" : ""}` : id;
  const all = [...tags.split(","), ...config.tags, ...(udp ? ["udp"] : [])];
  return [
    {
      ...basicOf(container, config),
      ...{
        service: legal(service),
        id: legal(own),
        address: port.address,
        port: port.port,
        protocol: udp ? "udp" : "",
      },
      tags: [...new Set(all.filter((tag) => tag !== ""))],
      meta,
      checks: checksOf(meta, port),
    },
  ];
}

/** `<container>.<image>.<environment>`: the image is the service, the container its version, as skydock tells SkyDNS. */
function skydockOf(container: Container, config: DockerConfig): readonly LocalService[] {
  const ports = portsOf(container, { ...config, ports: "internal" });
  const address = addressOf(container);
  if (address === "") return [];
  const name = nameOf(container);
  return [
    {
      ...basicOf(container, config),
      ...{ service: legal(imageOf(container)), id: legal((container.Id ?? name).slice(0, 12)), version: name, address },
      ...{ port: ports[0]?.port ?? 80, tags: [...config.tags], checks: [], protocol: "" },
      meta: { "skydns.environment": config.environment },
      zone: config.hostName,
    },
  ];
}

function basicOf({ State }: Container, { ttlMs }: DockerConfig) {
  return { version: "", zone: "", weight: WEIGHT, ttlMs, failing: "mark" as const, status: statusOf(State) };
}

/** What Docker's own health check found, where the image has one. */
function statusOf(state: Container["State"]): Status {
  if (state?.Paused === true) return "critical";
  const health = state?.Health?.Status;
  if (health === "starting") return "starting";
  return health === "unhealthy" ? "critical" : "passing";
}

/** Labels over variables, what is said of this port over what is said of all. */
function said({ Config }: Container, exposed: number) {
  const values: Record<string, string> = {};
  const ofPort = new Set<string>();
  const pairs = (Config?.Env ?? []).map((pair) => splitOnce(pair, "="));
  for (const [variable, value] of [...pairs, ...Object.entries(Config?.Labels ?? {})]) {
    if (!variable.startsWith(PREFIX)) continue;
    const key = variable.slice(PREFIX.length).toLowerCase();
    const [first, rest] = splitOnce(key, "_");
    const isOfPort = /^\d+$/.test(first) && rest !== "";
    if (isOfPort && Number(first) !== exposed) continue;
    if (isOfPort) ofPort.add(rest);
    if (isOfPort || !ofPort.has(key)) values[isOfPort ? rest : key] = value;
  }
  return { values, ofPort };
}

function splitOnce(text: string, by: string): readonly [string, string] {
  const at = text.indexOf(by);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function portsOf(container: Container, config: DockerConfig): readonly Port[] {
  const { Config, HostConfig, NetworkSettings } = container;
  const isHost = HostConfig?.NetworkMode === "host";
  const bound = NetworkSettings?.Ports ?? {};
  const names = new Set([...Object.keys(bound), ...Object.keys(Config?.ExposedPorts ?? {})]);
  return [...names].flatMap((name): readonly Port[] => {
    const [number, protocol = "tcp"] = name.split("/");
    const exposed = Number(number);
    if (!Number.isInteger(exposed) || exposed <= 0) return [];
    // With the machine's network a port is where it says.
    if (isHost) return [{ exposed, protocol, address: config.hostAddress, port: exposed }];
    if (config.ports === "internal") return [{ exposed, protocol, address: addressOf(container), port: exposed }];
    const [first] = bound[name] ?? [];
    if (first === undefined) return [];
    const isAny = first.HostIp === undefined || ["", "0.0.0.0", "::"].includes(first.HostIp);
    return [
      {
        exposed,
        protocol,
        address: isAny ? config.hostAddress : (first.HostIp as string),
        port: Number(first.HostPort),
      },
    ];
  });
}

function addressOf({ NetworkSettings }: Container): string {
  const networks = Object.values(NetworkSettings?.Networks ?? {});
  return NetworkSettings?.IPAddress || networks.find(({ IPAddress }) => IPAddress)?.IPAddress || "";
}

/** `registry:5000/team/web:1.2@sha256:…` is `web`. */
function imageOf({ Config }: Container): string {
  const [path = ""] = (Config?.Image ?? "").split("@");
  return path.replace(/.*\//, "").split(":")[0] ?? "";
}

function nameOf({ Name, Id }: Container): string {
  return (Name ?? "").replace(/^\//, "") || (Id ?? "").slice(0, 12);
}

/** What a name of the registry cannot have becomes `-`. */
function legal(name: string): string {
  if (isLegalName(name)) return name;
  const plain = name.replace(/[/\s\p{C}]/gu, "-").slice(0, 255);
  return plain === "" ? "unnamed" : plain;
}
