import { type LookupAddress, type LookupOptions, lookup } from "node:dns";
import { isIP } from "node:net";
import { byLabel, type Caller } from "../calls/caller.ts";

type Callback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family: number) => void;

/**
 * A `lookup` for `node:http`, `node:net` and all that take one: a host that names a service becomes the address of one of
 * its instances, any other is looked up as ever. The port stays that of the call. How the call went is not known here.
 */
export function createLookup(
  caller: Pick<Caller, "route">,
  toService: (host: string) => string | undefined = byLabel,
): (host: string, options: LookupOptions, callback: Callback) => void {
  return (host, options, callback) => {
    const service = toService(host);
    if (service === undefined) return lookup(host, options, callback);
    caller.route(service).then(
      ({ taken }) => {
        taken.done(true);
        const { address } = taken.instance;
        const family = isIP(address);
        // Registered by a name: that is looked up in turn.
        if (family === 0) lookup(address, options, callback);
        else if (options.all === true) callback(null, [{ address, family }], family);
        else callback(null, address, family);
      },
      (error: Error) => callback(Object.assign(error, { code: "ENOTFOUND" }), "", 0),
    );
  };
}
