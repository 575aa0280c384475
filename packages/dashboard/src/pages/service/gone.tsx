/** Who left in the last 24 hours, and why. */
import type { EventBody } from "@rollcall/client";
import type { JSX } from "preact";
import { touchesService, useRead } from "../../data/reads.ts";
import { showTimes } from "../../model/past/events.ts";
import { instanceAt } from "../../model/places.ts";
import { Card } from "../../parts/card.tsx";
import { Shape } from "../../parts/shape.tsx";
import { readClock, Time } from "../../parts/time.tsx";

const READ = 200;
const SHOWN = 20;
const TYPES = ["instance.deregistered", "instance.expired", "instance.closed", "instance.released"];

export function Gone({ account, service }: { account: string; service: string }): JSX.Element | null {
  const { data } = useRead(
    `gone ${account} ${service}`,
    async (client) => {
      const { events } = await client.eventsPage({ services: [service], types: TYPES, since: "-24h", limit: READ });
      return lastOfEach(events);
    },
    { touches: touchesService(service) },
  );
  if (data === undefined || data.length === 0) return null;
  return (
    <Card title="Gone in the last 24 hours" note={String(data.length)} bare>
      <div class="scroll-x">
        <table class="flat data">
          <thead>
            <tr>
              <th scope="col">Instance</th>
              <th scope="col" class="not-phone">
                Address
              </th>
              <th scope="col">Why</th>
              <th scope="col" class="num">
                Left
              </th>
            </tr>
          </thead>
          <tbody>
            {data.slice(0, SHOWN).map(({ id, instance = "", before, reason, at, type }) => (
              <tr key={id}>
                <td>
                  <Shape name="gone" />{" "}
                  <a class="strong" href={instanceAt(account, service, instance)}>
                    {instance}
                  </a>
                </td>
                <td class="not-phone mono">{addressOf(before)}</td>
                <td class="second">{reason === "" ? type.slice(9) : showTimes(reason, readClock())}</td>
                <td class="num">
                  <Time at={at} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

/** Newest first, each instance once; those that came back are not gone. */
function lastOfEach(events: readonly EventBody[]): EventBody[] {
  const last = new Map<string, EventBody>();
  for (const event of events) if (event.after === null) last.set(event.instance ?? "", event);
  return [...last.values()].reverse();
}

function addressOf(before: EventBody["before"]): string {
  const { address, port } = (before ?? {}) as { address?: string; port?: number };
  return address === undefined ? "" : `${address}:${port}`;
}
