/** The settings of checks that the registry runs. */
import { NOWHERE, type Places, readPlaces } from "../../net/hosts/places.ts";
import type { Value } from "./values.ts";

export interface ChecksConfig {
  readonly places: Places;
  /** As it was said. */
  readonly allow: string;
  readonly parallelMax: number;
  /** Absolute path of a PEM file. */
  readonly caFile: string | undefined;
}

export function readChecks(values: ReadonlyMap<string, Value>, problems: string[]): ChecksConfig {
  const allow = values.get("checks.allow") as string;
  const read = readPlaces(allow);
  if (!read.ok) problems.push(`checks.allow: ${read.problem}`);
  return {
    allow,
    places: read.ok ? read.value : NOWHERE,
    parallelMax: values.get("checks.parallelMax") as number,
    caFile: values.get("checks.ca") as string | undefined,
  };
}
