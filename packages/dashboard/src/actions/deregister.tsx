/** An instance is taken out. */
import type { InstanceBody } from "@rollcall/client";
import type { JSX } from "preact";
import { asked } from "../data/asked.ts";
import { api, ownName } from "../data/session.ts";
import { isUsable } from "../model/status.ts";
import { note } from "../parts/copy.tsx";
import { useCallers } from "./callers.ts";
import { command } from "./command.ts";
import { Question } from "./question.tsx";

export interface DeregisterProps {
  readonly instance: InstanceBody;
  readonly siblings: readonly InstanceBody[];
  readonly onDrain: () => void;
  readonly onClose: () => void;
}

export function Deregister({ instance, siblings, onDrain, onClose }: DeregisterProps): JSX.Element {
  const { service, id, via, ttlMs } = instance;
  const left = siblings.filter((one) => one.id !== id);
  const usable = left.filter(isUsable).length;
  const isLast = usable === 0 && isUsable(instance);
  const callers = useCallers(service);
  return (
    <Question
      title={`Deregister ${id}?`}
      deed="Deregister"
      danger
      typed={isLast ? service : undefined}
      command={command("deregister", service, id)}
      onClose={onClose}
      more={
        <button type="button" class="button" onClick={onDrain}>
          Drain instead
        </button>
      }
      onDo={async () => {
        await api.value.deregister(service, id);
        asked(service, id);
        note(`${id} is deregistered`);
      }}
    >
      {ttlMs === null ? (
        <p>It is permanent: nothing registers it again by itself.</p>
      ) : (
        <p>
          It is kept alive through {via}, so as long as it runs <b>it will come back with its next registration</b>. To
          keep traffic away from it, drain it instead.
        </p>
      )}
      <p class="second">
        {service} keeps {usable} of {left.length} usable.
        {callers} Recorded under {ownName()}.
      </p>
    </Question>
  );
}
