/** A patch laid over the instance as it is in the moment of the decision. */
import { type Guard, type InstanceKey, type Life, ok, type Plan, type Refused, refuse } from "../../../core/index.ts";
import { carryChecks, toRegister } from "../../../native/catalog/registering.ts";
import { checksWithStatus } from "../../../native/wire/checks.ts";
import { decodeRegister, patchRegisterBody } from "../../../native/wire/registration.ts";

interface Patch {
  readonly instance: InstanceKey;
  /** A merge patch (RFC 7396): JSON as it came. */
  readonly patch: Readonly<Record<string, unknown>>;
  readonly ifAbsent: boolean;
  readonly guards: readonly Guard[];
}

/** Says what the patched registration says of the instance's life. */
export const PATCH: Plan<Patch, Life> = {
  name: "http/patch",
  make(facts, account, { instance, patch, ifAbsent, guards }) {
    const { service, id } = instance;
    const record = facts.instance(account, service, id);
    if (record === undefined) return refuseMissing(instance);
    const merged = patchRegisterBody(record, patch);
    const decoded = decodeRegister(merged, service, id, "http", "keep");
    if (!decoded.ok) return decoded;
    const carried = carryChecks(decoded.value, checksWithStatus(merged), record);
    const registration = { ...carried, instance: { ...carried.instance, via: record.via } };
    const then = [toRegister(registration, ifAbsent)];
    return ok({ command: { kind: "when", guards, then, otherwise: [] }, note: registration.life });
  },
};

export function refuseMissing({ service, id }: InstanceKey): Refused {
  return refuse("not-found", `there is no instance ${id} of service ${service}`);
}
