/** A whole version, or a whole service, is drained: one word of an operator for all of them, and what becomes of it before. */
import type { InstanceBody, OverridesAskedBody } from "@rollcall/client";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { asked } from "../data/asked.ts";
import { useRead } from "../data/reads.ts";
import { account, api, ownName } from "../data/session.ts";
import { plural } from "../model/numbers.ts";
import { isUsable } from "../model/status.ts";
import { note } from "../parts/copy.tsx";
import { useCallers } from "./callers.ts";
import { command, flag } from "./command.ts";
import { Question } from "./question.tsx";
import { Reason } from "./reason.tsx";

export interface DrainProps {
  readonly account: string;
  readonly service: string;
  readonly instances: readonly InstanceBody[];
  readonly onClose: () => void;
}

const ALL = "";

export function DrainVersion({ service, instances, onClose }: DrainProps): JSX.Element {
  const versions = [...new Set(instances.map(({ version }) => version))].filter((one) => one !== "").sort();
  const [version, setVersion] = useState(versions[0] ?? ALL);
  const [reason, setReason] = useState("");
  const chosen = version === ALL ? instances : instances.filter((one) => one.version === version);
  const usable = instances.filter((one) => !chosen.includes(one) && isUsable(one)).length;
  const needsName = chosen.length > 10 || (usable === 0 && instances.some(isUsable));
  const filter = { service, ...(version === ALL ? {} : { version }) };
  const callers = useCallers(service);
  // The registry's own count, of all that it would change now.
  const would = useRead(`drain ${account.value} ${service} ${version}`, (client) =>
    client.overrideMany({ filter, status: "draining", dry: true }),
  ).data?.services[0];
  return (
    <Question
      title={`Drain ${service}`}
      deed={`Drain ${plural(chosen.length, "instance")}`}
      typed={needsName ? service : undefined}
      command={command(
        ...["overrides", "--set", "draining", "--service", service],
        ...flag("--with-version", version),
        ...flag("--reason", reason),
      )}
      onClose={onClose}
      onDo={async () => {
        const { changed } = await api.value.overrideMany({
          ...{ filter, status: "draining" },
          ...(reason === "" ? {} : { reason }),
        });
        for (const { id } of chosen) asked(service, id);
        note(`${plural(changed, "instance")} of ${service} set to draining`, () => void takeBack(filter, chosen));
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
      <Reason whose="their" value={reason} onValue={setReason} />
      <p>
        Clients that ask for healthy instances stop getting them within a second. They stay listed, and their heartbeats
        go on.{" "}
        <b>
          {service} keeps {would?.usableAfter ?? usable} of {would?.instances ?? instances.length} usable.
        </b>
      </p>
      <p class="second">
        {callers} Recorded under {ownName()}.
      </p>
    </Question>
  );
}

/** As it was: those that had a word of an operator before have it again. */
async function takeBack(filter: OverridesAskedBody["filter"], before: readonly InstanceBody[]): Promise<void> {
  try {
    await api.value.overrideMany({ filter, status: null });
    for (const { service, id, override } of before)
      if (override !== null)
        await api.value.override(
          service,
          id,
          override.status,
          override.reason === "" ? {} : { reason: override.reason },
        );
    note(`${plural(before.length, "instance")} are as they were before`);
  } catch (error) {
    note(`It could not be undone: ${(error as Error).message}`);
  }
}
