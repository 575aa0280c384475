/** What an agent would do by a configuration, in lines for people. Pure. */
import type { AgentConfig, HaproxyConfig, LocalService, WatchedService } from "./config.ts";

export function describe({ services, watched, haproxy, docker }: AgentConfig): readonly string[] {
  return [
    ...services.map(sayLocal),
    ...watched.map(sayWatched),
    ...(haproxy === null ? [] : [sayHaproxy(haproxy)]),
    ...(docker === null
      ? []
      : [`register the containers of ${docker.socketPath} by ${docker.naming}'s names, ${docker.ports} ports`]),
  ];
}

function sayLocal({ service, id, address, port, checks, failing }: LocalService): string {
  const run = checks.map(({ kind, target, intervalMs }) => `${[kind, target].join(" ").trim()} every ${intervalMs} ms`);
  const end = failing === "mark" ? "mark it critical" : "withdraw it";
  const how = run.length === 0 ? "always" : `while it passes ${run.join(" and ")}; else ${end}`;
  return `register ${service}/${id} at ${address}:${port} ${how}`;
}

function sayWatched({ name, service, defaults, haproxy, outputs }: WatchedService): string {
  const from = service === null ? `${defaults.length} servers of the file` : `service ${service} of the registry`;
  const proxy =
    haproxy === null ? [] : [`backend ${haproxy.backendName}${haproxy.port === 0 ? "" : `, port ${haproxy.port}`}`];
  const files = outputs.map(
    ({ path, format, command }) => `${path} (${format}${command === undefined ? "" : `, then ${command}`})`,
  );
  const to = [...proxy, ...files];
  return `follow ${name}: ${from} into ${to.length === 0 ? "nothing" : to.join("; ")}`;
}

function sayHaproxy({ configPath, checkCommand, reloadCommand, socketPath, reloadMs }: HaproxyConfig): string {
  const reload =
    reloadCommand === null ? "never reload it" : `reload it by ${reloadCommand}, at most every ${reloadMs} ms`;
  return `write ${configPath}, checked by ${checkCommand}; ${reload}; tell changes to ${socketPath ?? "no socket"}`;
}
