/** What one node does for all of Consul's clients, and another one when it is killed: runs their checks, and mirrors a Consul. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { entry, type PlayedConsul } from "../consul/played-rig.ts";
import type { Rollcall } from "../harness/program.ts";
import { request } from "../harness/requests.ts";
import { type Scope, until } from "../harness/scope.ts";

type Three = readonly [Rollcall, Rollcall, Rollcall];

async function call(node: Rollcall, method: string, path: string, body?: unknown) {
  const url = `http://127.0.0.1:${node.port("consul")}/v1${path}`;
  const answer = await request(url, { method, ...(body === undefined ? {} : { body }) });
  assert.equal(answer.status, 200, answer.text);
  return answer;
}

/** The runs of a check go on from the status that is known, and what they find is known to all. */
export async function checks(scope: Scope, [a, b, c]: Three): Promise<() => Promise<void>> {
  const target = { status: 200, runs: 0 };
  const server = createServer((_, response) => {
    target.runs++;
    response.writeHead(target.status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  scope.after(() => void server.close());
  const check = { HTTP: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, Interval: "1s" };
  await call(a, "PUT", "/agent/service/register", { Name: "checked", Port: 80, Check: check });
  const statusAt = async (node: Rollcall): Promise<string> =>
    (await call(node, "GET", "/health/checks/checked?stale")).json()[0]?.Status;
  const is = (node: Rollcall, status: string) =>
    until(async () => (await statusAt(node)) === status, { what: `the check is ${status}` });
  await is(c, "passing");
  return async () => {
    const { runs } = target;
    await until(() => target.runs > runs + 1, { what: "another node runs the check" });
    for (const node of [b, c]) assert.equal(await statusAt(node), "passing");
    target.status = 500;
    for (const node of [b, c]) await is(node, "critical");
  };
}

/** All nodes were told of the same Consul. */
export function mirrorOf(consul: PlayedConsul) {
  return async (_: Scope, [a, b, c]: Three): Promise<() => Promise<void>> => {
    const are = (node: Rollcall, wanted: string) =>
      until(
        async () => {
          const found = (await call(node, "GET", "/health/service/mirrored?stale")).json();
          return found.map(({ Service }: { Service: { ID: string } }) => Service.ID).join() === wanted;
        },
        { what: `${wanted} is there` },
      );
    consul.set({ mirrored: [entry("mirrored", 1)] });
    for (const node of [a, b, c]) await are(node, "mirrored-1");
    return async () => {
      await are(b, "mirrored-1");
      consul.set({ mirrored: [entry("mirrored", 1), entry("mirrored", 2)] });
      for (const node of [b, c]) await are(node, "mirrored-1,mirrored-2");
    };
  };
}
