/** How other protocols name it, with the ports that are really open. */
import type { NodeStatusBody } from "@rollcall/client";
import type { JSX } from "preact";
import { useRead } from "../../data/reads.ts";
import { Card } from "../../parts/card.tsx";
import { Copies } from "../../parts/copy.tsx";

type Endpoint = NodeStatusBody["endpoints"][number];

export function Names({ account, service, id }: { account: string; service: string; id?: string }): JSX.Element | null {
  const { data } = useRead(`endpoints ${account}`, (client) => client.status());
  if (data === undefined) return null;
  const rows = namesOf(account, service, id, data.endpoints);
  return (
    <Card title="How others name it">
      <Copies rows={rows} />
    </Card>
  );
}

function namesOf(
  account: string,
  service: string,
  id: string | undefined,
  endpoints: readonly Endpoint[],
): (readonly [string, string])[] {
  const at = (dialect: string) => endpoints.find((one) => one.dialect === dialect);
  const eureka = at("eureka");
  const own = encodeURIComponent(service);
  const path = `/v2/${encodeURIComponent(account)}/services/${own}${id === undefined ? "" : `/instances/${encodeURIComponent(id)}`}`;
  const flags = account === "default" ? "" : ` --account ${account}`;
  return [
    ...(eureka === undefined
      ? []
      : [
          [
            "Eureka",
            `${eureka.scheme}://${location.hostname}:${eureka.port}/eureka/apps/${own.toUpperCase()}${id === undefined ? "" : `/${encodeURIComponent(id)}`}`,
          ] as const,
        ]),
    ["HTTP", `${location.origin}${path}`],
    ["CLI", id === undefined ? `rollcall instances ${service}${flags}` : `rollcall explain ${service} ${id}${flags}`],
  ];
}
