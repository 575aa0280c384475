/** What every node says in DNS is what the order makes of it. */
import { askTcp } from "../../dns/rig.ts";
import type { Node } from "../cluster.ts";
import { SERVICE } from "../load/dialects.ts";
import { type Complaint, complain } from "./complaint.ts";
import type { Order } from "./order.ts";

/** The addresses of the service that instances of several protocols are in. */
export async function judgeNames(order: Order, nodes: readonly Node[]): Promise<Complaint[]> {
  const wanted = new Set<string>();
  for (const [subject, record] of order.records)
    if (subject.startsWith(`instance ${SERVICE}/`)) wanted.add(String(JSON.parse(record).address));
  const complaints: Complaint[] = [];
  for (const { name, rollcall, place } of nodes) {
    const { answers, rcode } = await askTcp(place.address, rollcall.port("dns"), `${SERVICE}.rollcall.`, "A");
    const said = answers.map(({ text }) => text).sort();
    if (said.join() !== [...wanted].sort().join())
      complaints.push(
        complain("one state", `${name} says ${said} (rcode ${rcode}) in DNS, and the order has ${[...wanted].sort()}`),
      );
  }
  return complaints;
}
