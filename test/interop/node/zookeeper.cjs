/** The client `zookeeper` of npm, by its promises: says `ready`, and `all went well` once it was connected again. */
const [, , folder, address] = process.argv;
const ZooKeeper = require(`${folder}/node_modules/zookeeper`);
const { ZOO_EPHEMERAL, ZOO_SEQUENCE } = ZooKeeper.constants;

function open() {
  const client = new ZooKeeper({ connect: address, timeout: 20_000 });
  const states = [];
  for (const state of ["connect", "connecting"]) client.on(state, () => states.push(state));
  client.init({});
  return { client, states };
}

async function until(condition, what) {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 4000) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function must(is, what) {
  if (!is) throw new Error(`not so: ${what}`);
}

async function main() {
  const [one, two] = [open(), open()];
  await until(() => one.states.includes("connect") && two.states.includes("connect"), "both to be connected");
  await one.client.create("/app", "1", 0);
  const own = await one.client.create("/app/e-", "", ZOO_EPHEMERAL | ZOO_SEQUENCE);
  must(own === "/app/e-0000000000", own);
  const events = [];
  await two.client.w_get("/app", (type, _state, path) => events.push(`${type} ${path}`));
  await two.client.w_get_children("/app", (type, _state, path) => events.push(`${type} ${path}`));
  const stat = await one.client.set("/app", "2", 0);
  must(stat.version === 1 && stat.numChildren === 1, JSON.stringify(stat));
  const [, data] = await two.client.get("/app", false);
  must(data.toString() === "2", data);
  await until(() => events.includes("3 /app"), "the event");
  must(JSON.stringify(await one.client.get_acl("/app")).includes("anyone"), "the list of rights");
  const missing = await one.client.get("/none", false).catch((error) => error);
  must(String(missing).includes("no node"), missing);
  console.log("ready");
  for (const { states } of [one, two])
    await until(() => states.filter((state) => state === "connect").length > 1, "both to be connected again");
  const back = await two.client.exists(own, false);
  must(back.ephemeralOwner !== "0" && back.czxid > 0, JSON.stringify(back));
  await until(() => one.client.state === ZooKeeper.constants.ZOO_CONNECTED_STATE, "the state");
  must((await one.client.exists(own, false)).createdInThisSession, "the session is the same");
  await one.client.create("/app/new", "", 0);
  await until(() => events.includes("4 /app"), "the watch that was set before");
  console.log("all went well");
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
