/** The answer to /status: what scripts look at. */
import { writeInstance } from "../wire/bodies.ts";
import type { Format, InstanceInfo } from "../wire/messages.ts";
import { escapeHtml } from "./html.ts";

export interface ServerStatus {
  readonly general: Readonly<Record<string, string>>;
  readonly application: Readonly<Record<string, string>>;
  /** This server as an instance. */
  readonly instance: InstanceInfo;
}

/** The original names its class here. */
const ROOT = "com.netflix.eureka.util.StatusInfo";

export function writeStatus(format: Format, { general, application, instance }: ServerStatus): string {
  if (format === "json") {
    const info = writeInstance("json", instance).slice('{"instance":'.length, -1);
    return `{"generalStats":${JSON.stringify(general)},"applicationStats":${JSON.stringify(application)},"instanceInfo":${info},"isHeathly":true}`;
  }
  const info = writeInstance("xml", instance)
    .replace(/^<instance>/, "")
    .replace(/<\/instance>$/, "");
  return `<${ROOT}><generalStats>${writeMap(general)}</generalStats><applicationStats>${writeMap(application)}</applicationStats><instanceInfo>${info}</instanceInfo><isHeathly>true</isHeathly></${ROOT}>`;
}

function writeMap(map: Readonly<Record<string, string>>): string {
  return Object.entries(map)
    .map(([key, value]) => `<${key}>${escapeHtml(value)}</${key}>`)
    .join("");
}
