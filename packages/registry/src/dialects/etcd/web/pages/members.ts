/** @live Pages of v2 about the members: who they are, where clients reach them, and what they have counted. */
import { Status } from "../../../../net/grpc/status.ts";
import type { Answer } from "../../../../net/routes/answer.ts";
import { type Desk, within } from "../../desk.ts";
import { membersOf } from "../../services/cluster/members.ts";
import type { WebCall } from "../call.ts";
import { clusterHead, toHex } from "../v2/answers.ts";
import type { Stats } from "../v2/stats.ts";
import { toJson, toText } from "./texts.ts";

interface Member {
  readonly id: string;
  readonly name: string;
  readonly peerURLs: readonly string[];
  readonly clientURLs: readonly string[];
}

export class MemberPages {
  readonly #desk: Desk;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /** `tail`: what stands behind `/v2/members`. */
  async show(call: WebCall, tail: string): Promise<Answer> {
    const members = await this.#members(call);
    if (members instanceof Status) return toJson({ message: "Insufficient credentials" }, 401);
    const head = { "Content-Type": "application/json", ...clusterHead(this.#desk) };
    const rest = tail.replace(/^\//, "");
    const told = rest === "" ? { members } : rest === "leader" ? this.#leader(members) : undefined;
    if (told === undefined) return toJson({ message: "Not found" }, 404);
    return { status: 200, head, body: `${JSON.stringify(told)}\n` };
  }

  /** Every node takes all requests: the one that is asked does. */
  #leader(members: readonly Member[]): Member | undefined {
    const own = toHex(this.#desk.identity.memberId);
    return members.find(({ id }) => id === own) ?? members[0];
  }

  async machines(call: WebCall, onlyOwn: boolean): Promise<Answer> {
    const members = await this.#members(call);
    if (members instanceof Status) return toText(401, "Insufficient credentials\n");
    const own = onlyOwn ? [this.#leader(members)] : members;
    return toText(200, own.flatMap((member) => member?.clientURLs ?? []).join(", "));
  }

  async #members(call: WebCall): Promise<readonly Member[] | Status> {
    return within(this.#desk, call, "reader", async () => {
      const members = await membersOf(this.#desk);
      return members.map(({ ID, name, peerURLs, clientURLs }) => ({ id: toHex(ID), name, peerURLs, clientURLs }));
    });
  }

  stats(what: string, stats: Stats): Answer | undefined {
    const { status, clock, identity } = this.#desk;
    const id = toHex(identity.memberId);
    if (what === "store") return toJson(stats.shown());
    if (what === "leader") return toJson({ leader: id, followers: {} });
    if (what !== "self") return undefined;
    const startTime = new Date(status.startedAtMs).toISOString();
    const leaderInfo = { leader: id, uptime: toUptime(clock.now() - status.startedAtMs), startTime };
    const counts = { recvAppendRequestCnt: 0, sendAppendRequestCnt: 0 };
    return toJson({ name: status.name, id, state: "StateLeader", startTime, leaderInfo, ...counts });
  }
}

/** As Go writes times: `1h2m3.5s`. */
function toUptime(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return `${hours > 0 ? `${hours}h` : ""}${hours > 0 || minutes > 0 ? `${minutes}m` : ""}${Number((seconds % 60).toFixed(3))}s`;
}
