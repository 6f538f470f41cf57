/**
 * @file The few statistics that curves need while they grow, as `reporting/statistics.py` and
 * `reporting/overfitting.py` define them. A test compares the two.
 */

/** 97.5% points of Student's t for 1 to 30 degrees of freedom. */
const T = [
  12.7062047, 4.3026527, 3.1824463, 2.7764451, 2.5705818, 2.4469119, 2.3646243, 2.3060041, 2.2621572, 2.2281389,
  2.2009852, 2.1788128, 2.1603687, 2.1447867, 2.1314495, 2.1199053, 2.1098156, 2.100922, 2.0930241, 2.0859634,
  2.0796138, 2.0738731, 2.0686576, 2.0638986, 2.0595386, 2.0555294, 2.0518305, 2.0484071, 2.0452296, 2.0422725,
];
const Z = 1.959963985;

/**
 * The 97.5% point of Student's t. Beyond 30 degrees of freedom by the Cornish–Fisher expansion
 * (Abramowitz and Stegun 1964, 26.7.5), right to six places there.
 * @param {number} freedom
 */
export function quantile(freedom) {
  if (freedom <= T.length) return T[freedom - 1];
  const z3 = Z ** 3, z5 = Z ** 5, z7 = Z ** 7;
  return Z + (z3 + Z) / (4 * freedom) + (5 * z5 + 16 * z3 + 3 * Z) / (96 * freedom ** 2) +
    (3 * z7 + 19 * z5 + 17 * z3 - 15 * Z) / (384 * freedom ** 3);
}

/** @param {number[]} values */
export function estimate(values) {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n < 2) return { n, mean, sd: null, half: null };
  const sd = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1));
  return { n, mean, sd, half: (quantile(n - 1) * sd) / Math.sqrt(n) };
}

/** The median of three neighbours, the ends repeated. @param {number[]} values */
const smooth = (values) =>
  values.map((value, i) => [values[Math.max(0, i - 1)], value, values[Math.min(values.length - 1, i + 1)]].sort((a, b) => a - b)[1]);

/**
 * The epoch of the best finite value, the first of equals.
 * @param {number[]} epochs @param {(number | null)[]} values @param {boolean} higher whether more is better
 * @returns {number | null}
 */
export function best(epochs, values, higher) {
  let found = null, least = Infinity;
  for (const [i, value] of values.entries()) {
    if (value === null) continue;
    const cost = higher ? -value : value;
    if (cost < least) [least, found] = [cost, epochs[i]];
  }
  return found;
}

/**
 * The epoch at which overfitting began: the first after the best for which the smoothed loss stays over 2% above its least
 * value before, for three epochs, and does not come back to that value. Smoothing hides a sharp turn for one
 * epoch, so it is one earlier if the loss itself had risen as far by then.
 * @param {number[]} epochs @param {(number | null)[]} values
 * @returns {number | null}
 */
export function onset(epochs, values) {
  const end = values.indexOf(null);
  const finite = /** @type {number[]} */ (end === -1 ? values : values.slice(0, end)), smoothed = smooth(finite);
  const leastAfter = [...smoothed];
  for (let k = leastAfter.length - 2; k >= 0; k -= 1) leastAfter[k] = Math.min(leastAfter[k], leastAfter[k + 1]);
  const first = finite.indexOf(Math.min(...finite)) + 1;
  let least = Infinity;
  for (let k = 1; k + 3 <= smoothed.length; k += 1) {
    least = Math.min(least, smoothed[k - 1]);
    if (k < first || leastAfter[k] <= least || !smoothed.slice(k, k + 3).every((value) => value > 1.02 * least)) continue;
    return epochs[k > first && finite[k - 1] > 1.02 * Math.min(...finite.slice(0, k - 1)) ? k - 1 : k];
  }
  return null;
}

/** The p-th part of sorted values, linearly between neighbours. @param {number[]} sorted @param {number} p */
export function percentile(sorted, p) {
  const place = p * (sorted.length - 1), below = Math.floor(place);
  return sorted[below] + (place - below) * ((sorted[below + 1] ?? sorted[below]) - sorted[below]);
}
