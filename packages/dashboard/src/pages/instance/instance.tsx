/** One instance, present or gone: why it is as it is. */
import type { ExplainBody } from "@rollcall/client";
import type { JSX } from "preact";
import { command } from "../../actions/command.ts";
import { Buttons, useDeeds } from "../../actions/menu.tsx";
import { isAskedFor } from "../../data/asked.ts";
import { touchesService, useInstances, useRead } from "../../data/reads.ts";
import { pathTo, serviceAt } from "../../model/places.ts";
import { type Look, lookOf } from "../../model/status.ts";
import { Card, Crumbs, Failure, Loading } from "../../parts/card.tsx";
import { Copies } from "../../parts/copy.tsx";
import { Shape } from "../../parts/shape.tsx";
import { Names } from "../service/names.tsx";
import { Checks } from "./checks.tsx";
import { Explained } from "./explained.tsx";
import { Facts } from "./facts.tsx";
import { History } from "./history.tsx";
import { StatusStrip } from "./strip.tsx";

export interface InstanceProps {
  readonly account: string;
  readonly service: string;
  readonly id: string;
}

const REFRESH_MS = 5000;

export function InstancePage({ account, service, id }: InstanceProps): JSX.Element {
  const { data, error, again } = useRead(
    `explain ${account} ${service} ${id}`,
    (client) => client.explain(service, id),
    {
      touches: touchesService(service, id),
      everyMs: REFRESH_MS,
    },
  );
  const record = data?.instance ?? data?.last ?? null;
  return (
    <>
      <Crumbs
        parts={[
          { href: pathTo(account), label: "Services" },
          { href: serviceAt(account, service), label: service },
          { label: id },
        ]}
      />
      <Head service={service} id={id} data={data} />
      {data === undefined ? (
        <Card>
          {error === undefined ? (
            <Loading lines={6} />
          ) : (
            <Failure what={`${id} could not be explained`} error={error} again={again} />
          )}
        </Card>
      ) : (
        <>
          <Explained data={data} />
          <StatusStrip account={account} service={service} id={id} data={data} />
          <div class="with-side wide">
            <div class="stack">
              {record === null ? null : <Checks instance={record} isPresent={data.present} />}
              <History account={account} service={service} id={id} />
              <Terminal service={service} id={id} />
            </div>
            <div class="stack">
              {record === null ? null : <Facts instance={record} />}
              <Names account={account} service={service} id={id} />
            </div>
          </div>
        </>
      )}
    </>
  );
}

function Head({ service, id, data }: { service: string; id: string; data: ExplainBody | undefined }): JSX.Element {
  const instance = data?.instance ?? null;
  const record = instance ?? data?.last ?? null;
  const look: Look = instance === null ? "gone" : lookOf(instance);
  return (
    <div class="head data">
      <div class="title">
        <h1>
          {data === undefined ? null : <Shape name={look} />}
          {id}
          {data === undefined ? null : <span class={`${look}-text small-word`}>{look}</span>}
          {instance?.override == null ? null : (
            <span class="second small-word">
              <Shape name="override" /> set by {instance.override.by ?? "an operator"}: {instance.override.status}
            </span>
          )}
          {isAskedFor(service, id) ? <span class="tag">asked</span> : null}
        </h1>
        {record === null ? null : <p class="mono second">{`${record.address}:${record.port}`}</p>}
      </div>
      {instance === null ? null : <Deeds service={service} instance={instance} />}
    </div>
  );
}

function Deeds({
  service,
  instance,
}: {
  service: string;
  instance: NonNullable<ExplainBody["instance"]>;
}): JSX.Element {
  const { data } = useInstances(service);
  const siblings = data === undefined ? [instance] : [...data.byId.values()];
  const { dialog, setDeed } = useDeeds({ instance, siblings });
  return (
    <div class="row">
      <Buttons instance={instance} onPick={setDeed} />
      {dialog}
    </div>
  );
}

function Terminal({ service, id }: Pick<InstanceProps, "service" | "id">): JSX.Element {
  return (
    <Card title="The same in a terminal">
      <Copies
        rows={[
          ["Explain", command("explain", service, id)],
          ["History", command("history", service, id)],
          ["Follow", command("watch", service)],
          ["Drain", command("drain", service, id)],
          ["Take out", command("deregister", service, id)],
        ]}
      />
    </Card>
  );
}
