/** @file Axes: ticks at round numbers, and labels that do not cover each other. */

/**
 * Round numbers from `low` to `high`, about `count` of them.
 * @param {number} low @param {number} high @param {number} count
 * @returns {number[]}
 */
export function ticks(low, high, count) {
  const raw = (high - low) / Math.max(1, count);
  if (!(raw > 0)) return [];
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 2.5, 5].find((each) => each * power >= raw * 0.999) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Whole numbers from `first` to `last`, about `count` of them, the first always among them. @param {number} first @param {number} last @param {number} count */
export function epochTicks(first, last, count) {
  const found = ticks(first, last, count).filter((each) => Number.isInteger(each) && each >= first);
  if (found[0] !== first && (found.length < 2 || found[0] - first >= (found[1] - found[0]) / 2)) found.unshift(first);
  return found;
}

/** Ticks of a logarithmic axis: powers of ten with 2 and 5 between, or round numbers where it spans little. @param {number} low @param {number} high @param {number} count */
export function logTicks(low, high, count) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    for (const step of [1, 2, 5]) if (step * 10 ** power >= low && step * 10 ** power <= high) found.push(step * 10 ** power);
  }
  if (found.length < 3) return ticks(low, high, count).filter((each) => each > 0);
  return found.length > 2 * count ? found.filter((each) => Number.isInteger(Math.round(Math.log10(each) * 1e9) / 1e9)) : found;
}

/** A tick's words, as many places as its step needs. @param {number} value @param {number[]} all */
export function tickLabel(value, all) {
  const size = Math.max(...all.map(Math.abs));
  if (size >= 1e5 || size < 1e-3) return value === 0 ? '0' : value.toExponential(0).replace('-', '−');
  const step = Math.min(...all.slice(1).map((each, i) => Math.abs(each - all[i])), size);
  const places = Math.max(0, Math.min(6, Math.ceil(-Math.log10(step) - 1e-9) + (/[1-9]$/.test((step / 10 ** Math.floor(Math.log10(step))).toFixed(1)) ? 1 : 0)));
  return value.toFixed(places).replace('-', '−');
}

/**
 * Places near the `wanted` ones, at least `gap` apart and from `low` to `high`: neighbours that
 * would overlap are moved as one block about their mean.
 * @param {number[]} wanted @param {number} gap @param {number} low @param {number} high
 * @returns {number[]}
 */
export function spread(wanted, gap, low, high) {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b]);
  /** @type {{sum: number, members: number[]}[]} */
  const blocks = [];
  for (const [rank, i] of order.entries()) {
    blocks.push({ sum: wanted[i] - rank * gap, members: [i] });
    while (blocks.length > 1 && mean(blocks[blocks.length - 2]) >= mean(blocks[blocks.length - 1])) {
      const last = /** @type {{sum: number, members: number[]}} */ (blocks.pop());
      blocks[blocks.length - 1].sum += last.sum;
      blocks[blocks.length - 1].members.push(...last.members);
    }
  }
  const places = new Array(wanted.length);
  const most = Math.max(low, high - (wanted.length - 1) * gap);
  let rank = 0;
  for (const block of blocks) {
    const start = Math.min(Math.max(mean(block), low), most);
    for (const i of block.members) places[i] = start + gap * rank++;
  }
  return places;
}

/** @param {{sum: number, members: number[]}} block */
const mean = (block) => block.sum / block.members.length;
