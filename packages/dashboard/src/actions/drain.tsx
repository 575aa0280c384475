/** A whole version, or a whole service, is drained: one word of an operator for each instance. */
import type { InstanceBody } from "@rollcall/client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { asked } from "../data/asked.ts";
import { account, api, ownName } from "../data/session.ts";
import { plural } from "../model/numbers.ts";
import { isUsable } from "../model/status.ts";
import { note } from "../parts/copy.tsx";
import { Question } from "./question.tsx";

export interface DrainProps {
  readonly account: string;
  readonly service: string;
  readonly instances: readonly InstanceBody[];
  readonly onClose: () => void;
}

const ALL = "";
const AT_ONCE = 8;

export function DrainVersion({ service, instances, onClose }: DrainProps): JSX.Element {
  const versions = [...new Set(instances.map(({ version }) => version))].filter((one) => one !== "").sort();
  const [version, setVersion] = useState(versions[0] ?? ALL);
  const [reason, setReason] = useState("");
  const chosen = version === ALL ? instances : instances.filter((one) => one.version === version);
  const usable = instances.filter((one) => !chosen.includes(one) && isUsable(one)).length;
  const needsName = chosen.length > 10 || (usable === 0 && instances.some(isUsable));
  const url = `${location.origin}/v2/${encodeURIComponent(account.value)}/services/${encodeURIComponent(service)}/instances`;
  return (
    <Question
      title={`Drain ${service}`}
      deed={`Drain ${plural(chosen.length, "instance")}`}
      typed={needsName ? service : undefined}
      command={`for id in ${chosen
        .slice(0, 3)
        .map(({ id }) => id)
        .join(
          " ",
        )}${chosen.length > 3 ? " …" : ""}; do curl -X PUT ${url}/$id/override -H 'Content-Type: application/json' -d '{"status":"draining"}'; done`}
      onClose={onClose}
      onDo={async () => {
        await setAll(service, chosen, "draining", reason);
        note(
          `${plural(chosen.length, "instance")} of ${service} are set to draining`,
          () => void setAll(service, chosen, null, ""),
        );
      }}
    >
      <label>
        Which
        <select value={version} style={{ width: "100%" }} onChange={(event) => setVersion(event.currentTarget.value)}>
          {versions.map((name) => (
            <option key={name} value={name}>
              version {name} ({instances.filter((one) => one.version === name).length})
            </option>
          ))}
          <option value={ALL}>all of the service ({instances.length})</option>
        </select>
      </label>
      <label>
        Why (shown in their history)
        <input
          style={{ width: "100%" }}
          value={reason}
          maxLength={200}
          onInput={(event) => setReason(event.currentTarget.value)}
        />
      </label>
      <p>
        Clients that ask for healthy instances stop getting them within a second. They stay listed, and their heartbeats
        go on.{" "}
        <b>
          {service} keeps {usable} of {instances.length} usable.
        </b>
      </p>
      <p class="second">Recorded under {ownName()}.</p>
    </Question>
  );
}

async function setAll(
  service: string,
  instances: readonly InstanceBody[],
  status: "draining" | null,
  reason: string,
): Promise<void> {
  const rest = [...instances];
  const one = async (): Promise<void> => {
    for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
      await api.value.override(service, next.id, status, reason === "" ? {} : { reason });
      asked(service, next.id);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}
