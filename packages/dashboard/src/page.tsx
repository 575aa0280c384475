/** The page begins here. */
import { render } from "preact";
import { startCatalog } from "./data/catalog.ts";
import { startLive } from "./data/live.ts";
import { startRouter } from "./data/router.ts";
import { startSession } from "./data/session.ts";
import { startWishes } from "./data/wishes.ts";
import { startKeys } from "./shell/keys.ts";
import { Shell } from "./shell/shell.tsx";

startWishes();
startRouter();
startSession();
startLive();
startCatalog();
startKeys();
render(<Shell />, document.getElementById("page") as HTMLElement);
