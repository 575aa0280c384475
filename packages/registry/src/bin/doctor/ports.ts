/** Whether the configured ports are free, and who has them. */
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import type { NodeStatusBody } from "@rollcall/client";
import type { ServeConfig } from "../config/load.ts";
import { DIALECTS, type ListedPort, NATIVE_PORT } from "../dialects.ts";
import { type Finding, finding } from "./finding.ts";

/** Ports of the dialects that are to be opened. `running`: the registry that answers here, if one does. */
export async function examinePorts(config: ServeConfig, running: NodeStatusBody | undefined): Promise<Finding[]> {
  const wanted = DIALECTS.filter(({ name }) => config.dialects === "all" || config.dialects.includes(name));
  const isWanted = ({ name, isOptional }: ListedPort): boolean => isOptional !== true || config.portsNamed.has(name);
  const ports = [NATIVE_PORT, ...wanted.flatMap(({ ports }) => ports.filter(isWanted))];
  const findings = ports.map(async ({ name, port: usual }) => {
    const port = config.ports[name] ?? usual;
    const what = `port ${name}`;
    if (port === 0) return finding(what, "good", "any free one");
    if (running?.endpoints.some((one) => one.port === port))
      return finding(what, "good", `${port} is open in the registry that runs`);
    const faults = await Promise.all([
      tryTcp(config.host, port),
      ...(name === "dns" ? [tryUdp(config.host, port)] : []),
    ]);
    const fault = faults.find((one) => one !== undefined);
    if (fault === undefined) return finding(what, "good", `${port} is free`);
    // A start goes on without what nobody named.
    const verdict = name === NATIVE_PORT.name || config.portsNamed.has(name) ? "bad" : "warn";
    return finding(what, verdict, `${port}: ${inWords(fault, config.host)}; choose another with --${name}-port`);
  });
  return Promise.all(findings);
}

function inWords(code: string, host: string): string {
  if (code === "EADDRINUSE") return "another program has it";
  if (code === "EACCES") return "this user may not open it (ports below 1024 need CAP_NET_BIND_SERVICE)";
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") return `this machine has no address ${host}`;
  return code;
}

/** The code of the error; undefined when it can be opened. */
function tryTcp(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

function tryUdp(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.bind({ address: host, port, exclusive: true }, () => socket.close(() => resolve(undefined)));
  });
}
