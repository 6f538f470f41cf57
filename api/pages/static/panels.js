/** @file Small multiples: a panel for each variant, all on the same scales, the others grey behind it. */

import { fill, h, s } from './dom.js';
import { value } from './format.js';
import { Plane } from './plane.js';

const WIDTH = 250, HEIGHT = 150;
/** More panels than this are not drawn. */
const MOST = 60;

/**
 * @param {Element} root @param {import('./plane.js').Figure} figure
 * @param {import('./series.js').Group[]} groups in the order of their panels
 */
export function showPanels(root, figure, groups) {
  const context = figure.curves.filter((curve) => !(curve.paired && curve.dashed)).map((curve) => ({ ...curve, faded: true }));
  fill(root, groups.slice(0, MOST).map((group) => panel(figure, group, context)),
    groups.length > MOST && h('li', { class: 'muted' }, `${groups.length - MOST} more are not drawn: choose fewer below.`));
}

/** @param {import('./plane.js').Figure} figure @param {import('./series.js').Group} group @param {import('./series.js').Curve[]} context */
function panel(figure, group, context) {
  const own = figure.curves.filter((curve) => curve.group === group.key);
  const plane = new Plane({ left: 42, right: 6, top: 6, bottom: 20 });
  Object.assign(plane, { figure, width: WIDTH, height: HEIGHT });
  const others = context.length > 24 ? [] : context.filter((curve) => curve.group !== group.key);
  const ends = own.filter((curve) => curve.points.length).map((curve) => `${curve.label} ${value(curve.points[0].value)} to ${value(curve.points[curve.points.length - 1].value)}`);
  return h('li', {}, h('p', { class: 'panel-name', title: group.label }, group.label),
    s('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': `${figure.title} of ${ends.join(', ') || group.label}` }, plane.axes(),
      ...others.map((curve) => plane.curve(curve)), ...own.map((curve) => plane.band(curve)), ...own.map((curve) => plane.curve(curve))));
}
