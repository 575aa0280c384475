/** The sides of the group `dns`: Rollcall and Debian's DNS servers, all with the same names and on loopback only. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runJob } from "../generators/driver.ts";
import { Child, findPort } from "../host/child.ts";
import { type DnsAnswer, DnsAsker, type QuestionType, toQuestion } from "../load/clients/dns.ts";
import { askOnce } from "../load/clients/http1.ts";
import {
  INSTANCES,
  listInstances,
  PORT,
  TTL_S,
  toAddressName,
  toServiceName,
  toSrvData,
  toSrvName,
  ZONE,
} from "../load/dns/names.ts";
import type { Side } from "../row.ts";
import { awaitAnswer, makeDir, type Peer, spawnRollcall, useServer } from "./server.ts";

export type DnsSide = Extract<Side, "rollcall" | "dnsmasq" | "knot" | "bind">;

export interface DnsPeer extends Peer {
  /** Rollcall's HTTP API; 0 for the others. */
  httpPort: number;
}

const ASK_MS_MAX = 1000;

/** The zone as a master file (RFC 1035, section 5), for knot and BIND. */
function toZoneFile(services: number): string {
  const lines = [`$ORIGIN ${ZONE}.`, `$TTL ${TTL_S}`, "@ SOA ns hostmaster 1 3600 600 86400 1", "@ NS ns"];
  lines.push("ns A 127.0.0.1");
  for (let service = 0; service < services; service++)
    for (const { service: name, address, target } of listInstances(service))
      lines.push(
        `${toSrvName(name)}. SRV ${toSrvData(target)}`,
        `${target}. A ${address}`,
        `${toAddressName(name)}. A ${address}`,
      );
  return `${lines.join("\n")}\n`;
}

/** dnsmasq takes SRV records from its configuration and addresses from a hosts file. Like the others, it serves this zone only. */
function spawnDnsmasq(dir: string, port: number, services: number): Child {
  const hosts = join(dir, "hosts");
  const config = join(dir, "dnsmasq.conf");
  const all = Array.from({ length: services }, (_, service) => listInstances(service)).flat();
  const lines = all.map((each) => `${each.address} ${each.target}\n${each.address} ${toAddressName(each.service)}`);
  writeFileSync(hosts, `${lines.join("\n")}\n`);
  const weight = toSrvData("").split(" ")[1];
  writeFileSync(
    config,
    [
      ...[`port=${port}`, "listen-address=127.0.0.1", "bind-interfaces", "no-resolv", "no-hosts", "pid-file="],
      ...[`local=/${ZONE}/`, `local-ttl=${TTL_S}`, `addn-hosts=${hosts}`, "log-facility=-"],
      // As another user, which is its default, it could not read this directory.
      ...(process.getuid?.() === 0 ? ["user=root"] : []),
      ...all.map((each) => `srv-host=${toSrvName(each.service)},${each.target},${PORT},0,${weight}`),
      "",
    ].join("\n"),
  );
  return new Child("dnsmasq", "dnsmasq", ["--keep-in-foreground", `--conf-file=${config}`]);
}

/** knot with its own numbers of workers. Its control socket has a short name: a long path does not fit into an address. */
function spawnKnot(dir: string, port: number, services: number): Child {
  writeFileSync(join(dir, "rollcall.zone"), toZoneFile(services));
  writeFileSync(
    join(dir, "knot.conf"),
    [
      `server:\n  rundir: "."\n  listen: 127.0.0.1@${port}`,
      'database:\n  storage: "."',
      "control:\n  listen: knot.sock",
      "log:\n  - target: stderr\n    any: error",
      `zone:\n  - domain: ${ZONE}\n    file: rollcall.zone\n    storage: "."`,
      "    zonefile-sync: -1\n    journal-content: none\n",
    ].join("\n"),
  );
  return new Child("knot", "knotd", ["-c", "knot.conf"], { cwd: dir });
}

/** BIND with its default number of workers. Its answers are kept minimal, without the NS records that the others do not send. */
function spawnBind(dir: string, port: number, services: number): Child {
  writeFileSync(join(dir, "rollcall.zone"), toZoneFile(services));
  const config = join(dir, "named.conf");
  writeFileSync(
    config,
    [
      `options { directory "${dir}"; managed-keys-directory "${dir}"; pid-file none; session-keyfile none;`,
      `  listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };`,
      "  recursion no; dnssec-validation no; allow-query { any; }; notify no; minimal-responses no-auth; };",
      "controls { };",
      "logging { channel out { stderr; severity error; }; category default { out; }; category general { out; }; };",
      `zone "${ZONE}" { type primary; file "rollcall.zone"; };\n`,
    ].join("\n"),
  );
  return new Child("bind", "named", ["-f", "-c", config]);
}

async function spawnDnsPeer(side: DnsSide, services: number): Promise<DnsPeer> {
  const dir = makeDir(side);
  const port = await findPort();
  if (side === "dnsmasq") return { side, port, httpPort: 0, dir, child: spawnDnsmasq(dir, port, services) };
  if (side === "knot") return { side, port, httpPort: 0, dir, child: spawnKnot(dir, port, services) };
  if (side === "bind") return { side, port, httpPort: 0, dir, child: spawnBind(dir, port, services) };
  const httpPort = await findPort();
  const flags = ["--dialects", "http,dns", "--dns-port", String(port)];
  return { side, port, httpPort, dir, child: spawnRollcall(dir, httpPort, flags) };
}

async function fillRollcall(peer: DnsPeer, services: number): Promise<void> {
  await awaitAnswer(peer, "read", async () => {
    const answer = await askOnce(peer.httpPort, "GET", "/v2/default/services/none").catch(() => undefined);
    return answer?.status === 200;
  });
  const job = { kind: "rollcall-dns-fill", port: peer.httpPort, connections: 16, services } as const;
  const filled = await runJob(job, 60_000);
  if (filled.errors > 0) throw new Error(`${filled.errors} of ${services * INSTANCES} instances were refused`);
}

/** Runs something against a fresh server that answers for so many services. */
export async function withDnsPeer<T>(side: DnsSide, services: number, use: (peer: DnsPeer) => Promise<T>): Promise<T> {
  return useServer(await spawnDnsPeer(side, services), async (peer) => {
    if (side === "rollcall") await fillRollcall(peer, services);
    const question = toQuestion(toAddressName(toServiceName(services - 1)), "A");
    const asker = await DnsAsker.connect(peer.port);
    await awaitAnswer(peer, "question", async () => (await asker.ask(question, 50))?.answers.length === INSTANCES);
    asker.close();
    return use(peer);
  });
}

function findFault(answer: DnsAnswer | undefined, wanted: readonly string[]): string | undefined {
  if (answer === undefined) return "no answer";
  if (answer.rcode !== 0) return `rcode ${answer.rcode}`;
  if (answer.truncated) return "truncated";
  if (!answer.authoritative) return "not authoritative";
  const got = [...answer.answers].sort().join(", ");
  return got === [...wanted].sort().join(", ") ? undefined : `other records: ${got}`;
}

/** Asks for some of the names and compares the answers with the list. Returns the size of the last answer. */
export async function checkAnswers(
  peer: DnsPeer,
  services: number,
  type: QuestionType,
  edns: boolean,
): Promise<{ bytes: number; additional: number }> {
  const asker = await DnsAsker.connect(peer.port);
  let size = { bytes: 0, additional: 0 };
  try {
    for (const service of new Set([0, services >> 1, services - 1])) {
      const own = listInstances(service);
      const name = type === "SRV" ? toSrvName(toServiceName(service)) : toAddressName(toServiceName(service));
      const wanted = own.map((each) => (type === "SRV" ? toSrvData(each.target) : each.address));
      const answer = await asker.ask(toQuestion(name, type, edns), ASK_MS_MAX);
      const fault = findFault(answer, wanted);
      if (fault !== undefined) throw new Error(`${peer.side} answers ${name} ${type} wrongly: ${fault}`);
      if (answer !== undefined) size = { bytes: answer.bytes, additional: answer.additional + answer.authorities };
    }
  } finally {
    asker.close();
  }
  return size;
}
