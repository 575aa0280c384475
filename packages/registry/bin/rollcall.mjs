#!/usr/bin/env node
/** The installed command. npm links it before anything is built, so it cannot be the built file itself. */
import { checkNode } from "./node-version.mjs";

checkNode();
// Loaded only now: an older Node could not even read it.
await import("../dist/bin/rollcall.js");
