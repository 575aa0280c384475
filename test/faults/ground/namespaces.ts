/**
 * Places as network namespaces around one bridge. This process itself must be in a network namespace of its own, which
 * `hide` sees to: then all of it, addresses and ways, is gone with the process, however it ends.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readlinkSync } from "node:fs";
import type { Scope } from "../../harness/scope.ts";
import { until } from "../../harness/scope.ts";
import type { Ground, Place } from "./ground.ts";

/** Set in the environment of a process that was started behind `hide()`. */
export const HIDDEN = "ROLLCALL_TEST_HIDDEN";

/** A process and all its children in namespaces of their own, which end with it, and it with this one. */
const UNSHARE = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
const BRIDGE = "rollcall0";
const NETWORK = "10.77.0";
/** A link address that nobody has. */
const NOBODY = "02:00:de:ad:00:01";

/** What to start a process behind so that `canNamespace` holds in it; nothing where the machine does not allow it. */
export function hide(): readonly string[] {
  for (const prefix of [UNSHARE, [...UNSHARE, "--map-root-user"]]) {
    const try_ =
      "ip link add name b0 type bridge && ip link add name v0 type veth peer name w0 && ip link set v0 master b0";
    const [command = "", ...args] = [...prefix, "sh", "-c", try_];
    if (spawnSync(command, args, { stdio: "ignore" }).status === 0) return prefix;
  }
  return [];
}

export function canNamespace(): boolean {
  return process.env[HIDDEN] === "yes";
}

function tell(command: string): string {
  const [program = "", ...args] = command.split(" ");
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command}: ${error?.message ?? stderr}`);
  return stdout;
}

interface Room extends Place {
  readonly inside: (command: string) => string;
}

class Namespaces implements Ground {
  readonly kind = "namespaces";
  readonly slowness: string;
  readonly #scope: Scope;
  readonly #rooms: Room[] = [];
  #undo: (() => void)[] = [];

  constructor(scope: Scope) {
    this.#scope = scope;
    tell("ip link set lo up");
    tell(`ip link add ${BRIDGE} type bridge`);
    tell(`ip addr add ${NETWORK}.254/24 dev ${BRIDGE}`);
    tell(`ip link set ${BRIDGE} up`);
    // The kernel may lack it.
    const delays = spawnSync("tc", ["qdisc", "add", "dev", BRIDGE, "root", "netem", "delay", "1ms"]).status === 0;
    if (delays) tell(`tc qdisc del dev ${BRIDGE} root`);
    this.slowness = delays ? "netem delay 60ms 30ms" : "tbf rate 400kbit burst 4kb latency 1500ms";
  }

  async place(name: string): Promise<Place> {
    const holder = spawn("unshare", ["--net", "sleep", "infinity"], { stdio: "ignore" });
    this.#scope.after(async () => {
      holder.kill("SIGKILL");
      await once(holder, "exit");
    });
    const own = readlinkSync("/proc/self/ns/net");
    const namespace = (): string => readlinkSync(`/proc/${holder.pid}/ns/net`);
    await until(() => namespace() !== own, { what: "a network namespace" });
    const nth = this.#rooms.length + 1;
    const address = `${NETWORK}.${nth}`;
    const prefix = ["nsenter", "-t", String(holder.pid), "-n"];
    const inside = (command: string): string => tell(`${prefix.join(" ")} ${command}`);
    tell(`ip link add p${nth} type veth peer name eth0 netns ${holder.pid}`);
    tell(`ip link set p${nth} master ${BRIDGE} up`);
    inside("ip link set lo up");
    inside(`ip addr add ${address}/24 dev eth0`);
    inside("ip link set eth0 up");
    const room = { name, address, prefix, inside };
    this.#rooms.push(room);
    return room;
  }

  async way(_from: Place, { address }: Place, port: number): Promise<{ host: string; port: number }> {
    return { host: address, port };
  }

  /** What is sent to a link address that nobody has is lost without a word, whichever connection it is of. */
  async cut(from: Place, to: Place): Promise<void> {
    const { inside } = this.#roomOf(from);
    inside(`ip neigh replace ${to.address} lladdr ${NOBODY} dev eth0 nud permanent`);
    this.#undo.push(() => inside(`ip neigh del ${to.address} dev eth0`));
  }

  async slow(place: Place): Promise<void> {
    const { inside } = this.#roomOf(place);
    inside(`tc qdisc replace dev eth0 root ${this.slowness}`);
    this.#undo.push(() => inside("tc qdisc del dev eth0 root"));
  }

  async mend(): Promise<void> {
    const undo = this.#undo;
    this.#undo = [];
    for (const one of undo) one();
  }

  #roomOf({ name }: Place): Room {
    const room = this.#rooms.find((one) => one.name === name);
    if (room === undefined) throw new Error(`there is no place ${name}`);
    return room;
  }
}

export async function openNamespaces(scope: Scope): Promise<Ground> {
  return new Namespaces(scope);
}
