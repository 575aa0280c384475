/** The Huffman code of HPACK: RFC 7541, appendix B. Within a length the codes follow the order of the symbols. */

/** The length of the code of each byte, then that of the end of the text: runs of `length` or `length*count`. */
const LENGTHS =
  "13 23 28*7 24 30 28*2 30 28*8 30 28*9 " +
  "6 10*2 12 13 6 8 11 10*2 8 11 8 6*3 5*3 6*7 7 8 15 6 12 10 " +
  "13 6 7*22 8 7 8 13 19 13 14 6 15 5 6 5 6 5 6*3 5 7*2 6*3 5 6 7 6 5*2 6 7*5 15 11 14 13 28 " +
  "20 22 20*2 22*3 23 22 23*5 24 23 24*2 22 23 24 23*4 21 22 23 22 23*2 24 22 21 20 22*2 23*2 21 23 22*2 24 21 22 23*2 " +
  "21*2 22 21 23 22 23*2 20 22*3 23 22*2 23 " +
  "26*2 20 19 22 23 22 25 26*3 27*2 26 24 25 19 21 26 27*2 26 27 24 21*2 26*2 28 27*3 " +
  "20 24 20 21 22 21*2 23 22*2 25*2 24*2 26 23 26 27 26*2 27*5 28 27*5 26 30";

const END = 256;
const LENGTH_MIN = 5;
const LENGTH_MAX = 30;

/** The tree as pairs of branches: the number of the next node, or what is below 0, `-1 - symbol`. 0 while there is none. */
const tree = buildTree();

function readLengths(): number[] {
  return LENGTHS.split(" ").flatMap((run) => {
    const [length = 0, count = 1] = run.split("*").map(Number);
    return Array.from({ length: count }, () => length);
  });
}

function buildTree(): Int16Array {
  const lengths = readLengths();
  const branches: number[] = [0, 0];
  let code = 0;
  for (let length = 1; length <= LENGTH_MAX; length++) {
    code *= 2;
    for (let symbol = 0; symbol <= END; symbol++) {
      if (lengths[symbol] !== length) continue;
      let node = 0;
      for (let bit = length - 1; bit > 0; bit--) {
        const at = 2 * node + ((code >> bit) & 1);
        if (branches[at] === 0) {
          branches[at] = branches.length / 2;
          branches.push(0, 0);
        }
        node = branches[at] as number;
      }
      branches[2 * node + (code & 1)] = -1 - symbol;
      code++;
    }
  }
  return Int16Array.from(branches);
}

const NODE_BITS = 7;

/** The text that the bytes stand for, one byte a character; undefined where they are none. */
export function unpackText(bytes: Uint8Array, from: number, to: number): string | undefined {
  const text = Buffer.allocUnsafe(Math.floor(((to - from) * 8) / LENGTH_MIN));
  let [length, node] = [0, 0];
  // Since the last symbol: the rest must be ones, and less than a byte.
  let [left, isOnes] = [0, true];
  for (let i = from; i < to; i++) {
    const byte = bytes[i] as number;
    for (let bit = NODE_BITS; bit >= 0; bit--) {
      const one = (byte >> bit) & 1;
      const next = tree[2 * node + one] as number;
      left++;
      isOnes &&= one === 1;
      if (next >= 0) node = next;
      else {
        if (next === -1 - END) return undefined;
        text[length++] = -1 - next;
        [node, left, isOnes] = [0, 0, true];
      }
    }
  }
  if (left > NODE_BITS || !isOnes) return undefined;
  return text.toString("latin1", 0, length);
}
