/** A registry, and an agent that follows it: two real programs. */
import { type Client, createClient } from "@rollcall/client";
import { type Rollcall, type StartOptions, startRollcall } from "../harness/program.ts";
import { type Scope, until } from "../harness/scope.ts";

export interface Pair {
  readonly registry: Rollcall;
  readonly agent: Rollcall;
  /** Of the registry. */
  readonly origin: Client;
  /** Of the agent. */
  readonly local: Client;
}

export async function startAgent(scope: Scope, registry: Rollcall, options: StartOptions = {}): Promise<Rollcall> {
  const flags = ["--url", registry.url, ...(options.flags ?? [])];
  return startRollcall(scope, { ...options, command: "agent", flags });
}

/** Without a lease's time: what is registered stays while a program is down. */
export async function startPair(scope: Scope, dialects = "http"): Promise<Pair> {
  const registry = await startRollcall(scope);
  const agent = await startAgent(scope, registry, { dialects });
  return {
    registry,
    agent,
    origin: createClient({ url: registry.url }),
    local: createClient({ url: agent.url, timeoutMs: 20_000 }),
  };
}

export async function idsOf(client: Client, service: string): Promise<readonly string[]> {
  const { instances } = await client.instances();
  return instances.filter((one) => one.service === service).map(({ id }) => id);
}

export async function revisionOf(client: Client): Promise<number> {
  return (await client.status()).revision;
}

/** Resolves when the agent says so of itself. */
export function untilStale(local: Client, isStale: boolean): Promise<unknown> {
  return until(async () => ((await local.status()).stale !== null) === isStale, {
    what: isStale ? "the agent to notice that the registry is away" : "the agent to follow the registry",
  });
}
