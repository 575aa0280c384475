/** HAProxy beside an agent, through an outage of the registry of half a minute: no request is lost. */
import { test } from "node:test";
import { requirePackage } from "../harness/packages.ts";
import { surviveOutage } from "../smartstack/outage.ts";

const { path, skip } = requirePackage("haproxy", "haproxy");

test("a registry that is away for 30 s", { skip }, (t) => surviveOutage(t, path, 30_000));
