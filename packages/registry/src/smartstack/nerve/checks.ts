/** Nerve's checks, and those that the agent has beside them (`grpc`, `exec`, `ttl`), as checks that the agent runs. Pure. */
import { PROBES, refuseCheck } from "../../core/index.ts";
import type { LocalCheck } from "../config.ts";
import type { Section } from "../tree.ts";

export interface CheckDefaults {
  readonly host: string;
  readonly port: number;
  readonly intervalMs: number;
}

const TYPES = ["http", "tcp", "grpc", "exec", "ttl", "noop"] as const;
/** Types of Nerve's that speak a protocol of their own; what is beside them does as well. */
const FOREIGN: Readonly<Record<string, string>> = {
  rabbitmq: "use tcp, or exec with rabbitmq-diagnostics",
  redis: "use tcp, or exec with redis-cli ping",
};
/** Why a check cannot be run here; undefined for one that can, or that is wrong. */
export function foreignOf(section: Section): string | undefined {
  return section.has("module") ? "modules are programs of Nerve's: use exec" : FOREIGN[section.text("type")];
}

/** As Nerve has it, in seconds. */
const TIMEOUT_S = 0.1;
const TTL_S = 30;

/** Undefined for one that has nothing to run, or cannot be read. `at` tells checks of one service apart. */
export function readCheck(section: Section, at: number, defaults: CheckDefaults): LocalCheck | undefined {
  const type = section.word("type", TYPES);
  const host = section.text("host", defaults.host);
  const port = section.port("port", defaults.port);
  const row = { rise: section.number("rise", 1, 1, PROBES.rowMax), fall: section.number("fall", 1, 1, PROBES.rowMax) };
  const timeoutMs = 1000 * section.number("timeout", TIMEOUT_S, PROBES.timeoutMsMin / 1000, PROBES.timeoutMsMax / 1000);
  const intervalMs = 1000 * section.number("interval", defaults.intervalMs / 1000, 0.05, PROBES.intervalMsMax / 1000);
  section.drop("open_timeout", "the timeout is for the whole check");
  section.drop("read_timeout", "the timeout is for the whole check");
  section.drop("ssl_timeout", "the timeout is for the whole check");
  const own = { id: `check-${at}`, name: section.text("name", `${type ?? ""} ${at}`), timeoutMs, intervalMs } as const;
  const check =
    type === undefined ? undefined : makeCheck(section, type, { ...own, ...row, place: placeOf(host, port) });
  section.end();
  const refused = check === undefined ? undefined : refuseCheck({ ...check, intervalMs: Math.max(1000, intervalMs) });
  if (refused === undefined) return check;
  section.refuse("type", refused.detail);
  return undefined;
}

interface Given extends Pick<LocalCheck, "id" | "name" | "timeoutMs" | "intervalMs"> {
  readonly rise: number;
  readonly fall: number;
  readonly place: string;
}

const FRESH = { status: "unknown", output: "", reportedAtMs: 0 } as const;

function makeCheck(section: Section, type: (typeof TYPES)[number], given: Given): LocalCheck | undefined {
  const { place, rise, fall, ...own } = given;
  const probe = { rise, fall };
  switch (type) {
    case "http":
      return makeHttp(section, { ...own, ...FRESH, probe }, place);
    case "tcp":
      return { ...own, ...FRESH, kind: "tcp", target: place, probe };
    case "grpc": {
      const tls = section.flag("tls", false) ? { tls: true as const, skipVerify: true as const } : {};
      return {
        ...own,
        ...FRESH,
        kind: "grpc",
        target: `${place}/${section.text("service")}`,
        probe: { ...probe, ...tls },
      };
    }
    case "exec":
      return { ...own, ...FRESH, kind: "exec", target: section.needed("command"), probe };
    case "ttl":
      return {
        ...own,
        ...FRESH,
        kind: "ttl",
        target: "",
        intervalMs: 1000 * section.number("ttl", TTL_S, 1, PROBES.ttlMsMax / 1000),
      };
    case "noop":
      return undefined;
  }
}

function makeHttp(section: Section, own: Omit<LocalCheck, "kind" | "target">, place: string): LocalCheck {
  const uri = section.text("uri", "/");
  // Nerve takes any certificate: it asks by the address of this machine.
  const isSecure = section.flag("ssl", false);
  if (isSecure && section.flag("ssl_verify", false))
    section.note("ssl_verify", "certificates are not verified, as by Nerve");
  const headers = section.map("headers");
  const expect = section.text("expect");
  const hasHeaders = Object.keys(headers).length > 0;
  return {
    ...own,
    kind: "http",
    target: `${isSecure ? "https" : "http"}://${place}${uri.startsWith("/") ? "" : "/"}${uri}`,
    probe: {
      ...own.probe,
      expect: "200-399",
      ...(isSecure ? { skipVerify: true as const } : {}),
      ...(hasHeaders
        ? { headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])) }
        : {}),
    },
    ...(expect === "" ? {} : { holds: expect }),
  };
}

function placeOf(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
