/** The plug: Rackspace Service Registry v1.0 on the native listener. */
import { createHmac } from "node:crypto";
import { type Dialect, type House, type Mounted, SettingsRefused } from "../contract.ts";
import { Session } from "./accounts/births.ts";
import type { Desk, Quotas } from "./desk.ts";
import { Front } from "./server.ts";
import { toMaker } from "./wire/uuid.ts";

const NAME = "rackspace";

const DEFAULTS: Quotas = { servicesMax: 200, valuesMax: 1000, sessionsMax: 100, requestsPerDayMax: 500_000 };

/** Rackspace Service Registry v1.0, with the session era's API beside it. */
export const dialect: Dialect = {
  // "Exactly one of many creates wins" and limits need one order of all commits.
  needs: "total",
  open,
};

async function open(house: House): Promise<Mounted> {
  const { registry, access, tenants, clock, http } = house;
  const quotas = readQuotas(house.settings);
  // Tokens and event ids stay what they are over restarts.
  const secret = await house.secret();
  const session = new Session(registry, clock, secret);
  const maker = toMaker(createHmac("sha256", secret).update("events").digest());
  const desk: Desk = { registry, access, tenants, clock, session, quotas, maker };
  const front = new Front(house, desk);
  // Paths are case-insensitive; behind the version the dialect itself sees to it.
  for (const prefix of ["/v1.0", "/V1.0", "/v1.0/", "/V1.0/", "/v2.0/", "/V2.0/"]) {
    http.mount(prefix, NAME, (request, response, path, query) => front.serve(request, response, path, query));
  }
  return {
    drain: () => {},
    close: async () => session.close(),
  };
}

function readQuotas(settings: Readonly<Record<string, unknown>>): Quotas {
  const quotas: Record<keyof Quotas, number> = { ...DEFAULTS };
  for (const [key, value] of Object.entries(settings)) {
    if (!Object.hasOwn(DEFAULTS, key)) throw new SettingsRefused(`rackspace knows no setting ${key}`);
    if (!Number.isSafeInteger(value) || (value as number) < 0) {
      throw new SettingsRefused(`rackspace.${key} must be a whole number`);
    }
    quotas[key as keyof Quotas] = value as number;
  }
  return quotas;
}
