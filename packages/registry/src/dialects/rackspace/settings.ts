/** The settings of this dialect. */
import { SettingsRefused } from "../contract.ts";

/** The most an account may have of each thing, and its requests in 24 hours. */
export interface Quotas {
  readonly servicesMax: number;
  readonly valuesMax: number;
  readonly sessionsMax: number;
  readonly requestsPerDayMax: number;
}

const DEFAULTS: Quotas = { servicesMax: 200, valuesMax: 1000, sessionsMax: 100, requestsPerDayMax: 500_000 };

export function readQuotas(settings: Readonly<Record<string, unknown>>): Quotas {
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
