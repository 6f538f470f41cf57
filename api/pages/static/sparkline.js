/** @file A job's validation losses, drawn small. */

import { s } from './dom.js';
import { value } from './format.js';
import { lookClass } from './marks.js';
import { label, lossesIn } from './metrics.js';
import { looks, limits, prepare } from './series.js';

const WIDTH = 132, HEIGHT = 34;

/** @param {import('./experiment.js').Run[]} runs @returns {Map<string, import('./experiment.js').Run[]>} */
export function byVariant(runs) {
  const groups = new Map();
  for (const run of runs) {
    if (groups.has(run.variant)) groups.get(run.variant).push(run);
    else groups.set(run.variant, [run]);
  }
  return groups;
}

/**
 * The curves of a job's variants, as they are drawn small, and the scale they share.
 * @param {import('./experiment.js').Run[]} runs @param {string} baseline @param {string} view
 */
function small(runs, baseline, view) {
  const variants = byVariant(runs), look = looks([...variants.keys()], baseline);
  const groups = [...variants].map(([name, own], mark) => ({ key: name, label: name, look: look.get(name) ?? 1, mark, runs: own }));
  const metric = lossesIn(view)[1];
  const curves = prepare(groups, { metric, view, curves: 'mean', band: 'none', smooth: 1, scale: 'linear' });
  const [low, high] = limits(curves, false);
  const last = Math.max(2, ...curves.map((curve) => curve.points.at(-1)?.epoch ?? 0));
  const x = (/** @type {number} */ epoch) => 2 + ((epoch - 1) / (last - 1)) * (WIDTH - 4);
  const y = (/** @type {number} */ value) => HEIGHT - 2 - ((Math.min(Math.max(value, low), high * 1.5) - low) / (high - low)) * (HEIGHT - 4);
  const line = (/** @type {import('./series.js').Curve} */ curve) =>
    s('path', { class: `line ${lookClass(curve.look)}`, d: `M${curve.points.map((p) => `${x(p.epoch).toFixed(1)} ${y(p.value).toFixed(1)}`).join('L')}` });
  const picture = (/** @type {string} */ words, /** @type {import('./series.js').Curve[]} */ drawn) =>
    s('svg', { class: 'sparkline', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, role: 'img', 'aria-label': words }, ...drawn.map(line));
  return { metric, picture, curves: curves.filter((curve) => curve.points.length).sort((a, b) => Number(a.look === 0) - Number(b.look === 0)) };
}

/** All in one. @param {import('./experiment.js').Run[]} runs @param {string} baseline */
export function sparkline(runs, baseline) {
  const { metric, picture, curves } = small(runs, baseline, 'data');
  return picture(`${label(metric)} of ${curves.length} variants`, curves);
}

/**
 * One each, on one scale, by the variants' names.
 * @param {import('./experiment.js').Run[]} runs @param {string} baseline @param {string} view @param {string} task
 * @returns {Map<string, SVGElement>}
 */
export function sparklines(runs, baseline, view, task) {
  const { metric, picture, curves } = small(runs, baseline, view);
  return new Map(curves.map((curve) => {
    const first = curve.points[0], last = curve.points[curve.points.length - 1];
    const least = curve.points.reduce((low, point) => (point.value < low.value ? point : low));
    const words = [first, least, last].map((point) => `${value(point.value)} at epoch ${point.epoch}`);
    return [curve.group, picture(`${label(metric, task)}, mean of the seeds: ${words[0]}, lowest ${words[1]}, last ${words[2]}`, [curve])];
  }));
}

/**
 * The least mean best loss of a job's variants, and whose it is, if the seeds show that no other variant is better.
 * @param {import('./experiment.js').Run[]} runs @param {any} analysis null until the job has finished
 * @returns {{metric: string, loss: number, variant: string} | null}
 */
export function least(runs, analysis) {
  const metric = `best_${lossesIn('data')[1]}`, variants = byVariant(runs);
  let found = Infinity;
  for (const own of variants.values()) {
    const bests = own.map((run) => (run.metrics[lossesIn('data')[1]] ?? []).reduce((/** @type {number} */ low, loss) => (loss === null ? low : Math.min(low, loss)), Infinity));
    const known = bests.filter(Number.isFinite);
    if (known.length) found = Math.min(found, known.reduce((sum, loss) => sum + loss, 0) / known.length);
  }
  if (!Number.isFinite(found)) return null;
  const best = analysis && leader(analysis);
  return { metric, loss: found, variant: best?.variant ?? best?.words ?? (variants.size === 1 ? [...variants.keys()][0] : '') };
}

/**
 * Which variant is the best, if the seeds show that no other may be, or how many may be; null without two to rank.
 * @param {any} analysis @returns {{variant: string | null, words: string} | null}
 */
export function leader({ ranking }) {
  if (ranking.length < 2) return null;
  const bests = ranking.filter((/** @type {any} */ each) => each.best);
  return bests.length === 1 ? { variant: bests[0].variant, words: `${bests[0].variant} is the best` } : { variant: null, words: `${bests.length} variants may be best` };
}
