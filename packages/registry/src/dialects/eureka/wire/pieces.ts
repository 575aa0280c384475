/** An application in pieces: what stands before its instances, some of them, and what stands behind. Pure. */
import { SEPARATORS, writeApplication } from "./bodies.ts";
import { writeInstanceJson } from "./json.ts";
import type { Format, InstanceInfo } from "./messages.ts";
import { writeInstanceXml } from "./xml.ts";

const END: Readonly<Record<Format, string>> = { json: "]}", xml: "</application>" };

export function openApplication(format: Format, name: string): string {
  return writeApplication(format, { name, instances: [] }).slice(0, -END[format].length);
}

export function closeApplication(format: Format): string {
  return END[format];
}

/** Instances of one application, one after the other. */
export function writeInstances(format: Format, instances: readonly InstanceInfo[]): string {
  return instances.map(format === "json" ? writeInstanceJson : writeInstanceXml).join(SEPARATORS[format]);
}
