/** Who left in the last 24 hours, and why. */
import type { JSX } from "preact";
import { touchesService, useRead } from "../../data/reads.ts";
import { showTimes } from "../../model/past/events.ts";
import { instanceAt } from "../../model/places.ts";
import { Card } from "../../parts/card.tsx";
import { Shape } from "../../parts/shape.tsx";
import { readClock, Time } from "../../parts/time.tsx";

const READ = 200;
const SHOWN = 20;

export function Gone({ account, service }: { account: string; service: string }): JSX.Element | null {
  const { data } = useRead(
    `gone ${account} ${service}`,
    async (client) => (await client.gone(service, { limit: READ })).gone,
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
            {data.slice(0, SHOWN).map(({ id, last, reason, at, cause }) => (
              <tr key={id}>
                <td>
                  <Shape name="gone" />{" "}
                  <a class="strong" href={instanceAt(account, service, id)}>
                    {id}
                  </a>
                </td>
                <td class="not-phone mono">{`${last.address}:${last.port}`}</td>
                <td class="second">{reason === "" ? cause : showTimes(reason, readClock())}</td>
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
