/** Registrator's `SERVICE_CHECK_…` as checks that the agent runs. What a container cannot make it do: run programs. Pure. */
import { refuseCheck } from "../../core/index.ts";
import type { LocalCheck } from "../config.ts";

interface Place {
  readonly address: string;
  readonly port: number;
}

const INTERVAL = "10s";
const TIMEOUT = "2s";
const MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Of values that are wrong there is no check: a container's author is not asked by anybody here. */
export function checksOf(meta: Readonly<Record<string, string>>, { address, port }: Place): readonly LocalCheck[] {
  const place = `${address.includes(":") ? `[${address}]` : address}:${port}`;
  const basic = {
    ...({ name: "", status: "unknown", output: "", reportedAtMs: 0 } as const),
    intervalMs: readMs(meta.check_interval ?? INTERVAL),
    timeoutMs: readMs(meta.check_timeout ?? TIMEOUT),
  };
  const checks: LocalCheck[] = [];
  const path = (text: string): string => (text.startsWith("/") ? text : `/${text}`);
  const { check_http: http, check_https: https, check_tcp: tcp, check_grpc: grpc, check_ttl: ttl } = meta;
  const method = meta.check_http_method === undefined ? {} : { probe: { method: meta.check_http_method } };
  if (http) checks.push({ ...basic, ...method, id: "http", kind: "http", target: `http://${place}${path(http)}` });
  if (https) checks.push({ ...basic, ...method, id: "https", kind: "http", target: `https://${place}${path(https)}` });
  if (tcp === "true") checks.push({ ...basic, id: "tcp", kind: "tcp", target: place });
  if (grpc === "true") checks.push({ ...basic, id: "grpc", kind: "grpc", target: place, ...tlsOf(meta) });
  if (ttl) checks.push({ ...basic, id: "ttl", kind: "ttl", target: "", intervalMs: readMs(ttl) });
  return checks.filter((check) => refuseCheck(check) === undefined);
}

function tlsOf(meta: Readonly<Record<string, string>>): Pick<LocalCheck, "probe"> {
  return meta.check_grpc_use_tls === "true" ? { probe: { tls: true } } : {};
}

/** Go's durations with one unit; NaN for anything else. */
function readMs(text: string): number {
  const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text.trim()) ?? [];
  return number === "" ? Number.NaN : Number(number) * (MS[unit] as number);
}
