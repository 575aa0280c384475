/**
 * Which node keeps a lease whose own node is gone: the one with the greatest weight for it. All nodes come to the same one
 * by themselves, and when a node goes only its leases move.
 */

/** FNV-1a over the characters, and the last steps of MurmurHash3, which spread what little differs over all bits. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return spread(hash);
}

function spread(bits: number): number {
  let hash = bits;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The node for what has this name; of none, "". `nodes` with the hashes of their names, in any order. */
export function choose(nodes: Iterable<readonly [name: string, hash: number]>, text: string): string {
  const own = hashOf(text);
  let [best, most] = ["", -1];
  for (const [name, hash] of nodes) {
    const weight = spread(own ^ hash);
    if (weight > most || (weight === most && name > best)) [best, most] = [name, weight];
  }
  return best;
}
