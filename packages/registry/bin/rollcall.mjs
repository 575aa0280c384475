#!/usr/bin/env node
/** The installed command. npm links it before anything is built, so it cannot be the built file itself. */
import "../dist/bin/rollcall.js";
