/** @file The page of all jobs: a live list, filtered and paged by its address. */

import { get, Problem } from './api.js';
import { chosen, setAll, tie } from './choices.js';
import { byId, debounced, fill, h } from './dom.js';
import { finished } from './experiment.js';
import { showLink } from './follow.js';
import { ago, compared, datasetName, moment, plural, value } from './format.js';
import { label } from './metrics.js';
import { least, sparkline } from './sparkline.js';
import { badge, bar, pace, showPicked, showProblem } from './status.js';

const PAGE = 20;
const BUSY = 1500, CALM = 5000;
/** More epochs than this are not fetched for a sparkline. */
const MOST_EPOCHS = 6000;

const form = byId('filter');
const root = byId('jobs');
/** What a job's curves look like, by its id, with the epochs they are of. @type {Map<string, {epochs: string, line: any, best: any}>} */
const curves = new Map();
/** @type {Set<string>} */
const picked = new Set();
let timer = 0, turn = 0;

/** The last job of the page before this one, by the address. */
const before = () => new URLSearchParams(location.search).get('after') ?? '';

/** @param {string} after */
function turnTo(after) {
  history.pushState({ turned: true }, '', location.href);
  setAll('after', after ? [after] : []);
  scrollTo({ top: 0 });
  load();
}

async function load() {
  clearTimeout(timer);
  const mine = ++turn;
  try {
    const { status, search, about } = chosen(form), after = before();
    const list = await get('/v1/jobs', { status, search: search.trim(), ...described(about), limit: PAGE, after });
    if (mine !== turn) return;
    showLink('live');
    show(list.data);
    byId('older').hidden = !list.has_more;
    byId('newer').hidden = !after;
    byId('older').onclick = () => turnTo(list.data.at(-1).id);
    await drawCurves(list.data, mine);
    if (mine === turn && !document.hidden) timer = setTimeout(load, list.data.some((/** @type {any} */ job) => !finished(job)) ? BUSY : CALM);
  } catch (problem) {
    if (mine !== turn) return;
    if (problem instanceof Problem && problem.status === 0) {
      showLink('disconnected');
      if (root.querySelector('.skeleton')) showProblem(root, problem);
      timer = setTimeout(load, BUSY);
    } else if (problem instanceof Problem && problem.status === 503) {
      showProblem(root, problem);
      timer = setTimeout(load, CALM);
    } else showProblem(root, problem, load);
  }
  root.setAttribute('aria-busy', 'false');
}

// A page that was turned to lies in the history; one that was opened by its address has none before it.
byId('newer').onclick = () => { if (history.state?.turned) history.back(); else turnTo(''); };

/** Tags, and what the metadata has to be, of words with commas between. @param {string} about @returns {Record<string, any>} */
function described(about) {
  const words = about.split(',').map((each) => each.trim()).filter(Boolean), members = words.filter((each) => each.includes('='));
  return { tag: words.filter((each) => !each.includes('=')), ...Object.fromEntries(members.map((each) => [`metadata[${each.slice(0, each.indexOf('=')).trim()}]`, each.slice(each.indexOf('=') + 1).trim()])) };
}

/** A job's tags and the short members of its metadata. @param {any} job */
const description = ({ tags, metadata }) => [...tags, ...Object.entries(metadata).filter(([, value]) => typeof value !== 'object').map(([name, value]) => `${name}=${value}`)].join(', ');

/** @param {any[]} jobs */
function show(jobs) {
  const { status, search, about } = chosen(form);
  if (!jobs.length) {
    fill(root, status || search || about ? h('div', { class: 'empty' }, h('h2', {}, 'No job fits'), h('a', { href: '/' }, 'Show all jobs'))
      : h('div', { class: 'empty' }, h('h2', {}, 'No jobs yet'), h('p', {}, 'Train a few variants of a network on movie reviews, and see which remedy against overfitting works.'),
        h('p', {}, h('a', { class: 'button primary', href: '/new' }, 'Set up the first job'))));
    return;
  }
  const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.focus;
  fill(root, h('ul', { class: 'jobs' }, jobs.map(row)));
  if (focused) /** @type {HTMLElement | null} */ (root.querySelector(`[data-focus="${CSS.escape(focused)}"]`))?.focus();
}

/** What a job trains: a list has big jobs without their specification. @param {any} job */
function extent({ spec, dataset, run_counts }) {
  if (!spec) return `${plural(Object.values(run_counts).reduce((sum, count) => sum + count, 0), 'run')} on ${dataset}`;
  return `${plural(compared(spec).length, 'variant')} × ${plural(spec.seeds.length, 'seed')} on ${datasetName(spec.dataset)}`;
}

/** @param {any} job */
function row(job) {
  const known = curves.get(job.id);
  const box = h('input', { type: 'checkbox', checked: picked.has(job.id), 'data-focus': `pick ${job.id}`, 'aria-label': `Compare ${job.name}`, onchange: () => pick(job.id, box.checked) });
  const { progress } = job;
  return h('li', { class: 'job-row', 'data-job': job.id },
    h('label', { class: 'pick' }, box),
    h('div', { class: 'job-title' },
      h('a', { href: `/jobs/${job.id}`, 'data-focus': `open ${job.id}` }, job.name),
      h('p', { class: 'muted small' }, `${extent(job)}, `, h('time', { dateTime: job.created_at, title: moment(job.created_at) }, ago(job.created_at))),
      description(job) && h('p', { class: 'muted small described' }, description(job))),
    h('div', { class: 'job-status' }, badge(job.status),
      finished(job) ? (job.error && h('span', { class: 'muted small' }, job.error.message))
        : [bar(progress.percent, `Progress of ${job.name}`), h('span', { class: 'muted small' }, pace({ done: progress.epochs_done, total: progress.epochs_total, eta: progress.eta_seconds }))]),
    // Of a big job it takes all its epochs to say it, which a list would read again and again.
    h('div', { class: 'job-best' }, !job.spec && job.progress.epochs_done > 0 && h('span', { class: 'muted small' }, 'Best loss: on its page'), known?.best && [h('span', { class: 'muted small' }, label(known.best.metric, job.task)), h('span', {}, known.best.variant), h('span', { class: 'number' }, value(known.best.loss))]),
    h('div', { class: 'job-spark' }, known?.line));
}

/** Fetches the curves of jobs that moved on since they were last drawn. @param {any[]} jobs @param {number} mine */
async function drawCurves(jobs, mine) {
  for (const job of jobs) {
    const epochs = `${job.status} ${job.progress.epochs_done}`;
    if (!job.spec || !job.progress.epochs_done || job.progress.epochs_done > MOST_EPOCHS || curves.get(job.id)?.epochs === epochs) continue;
    const history = await get(`/v1/jobs/${job.id}/history`).catch(() => null);
    if (mine !== turn) return;
    if (!history) continue;
    const analysis = finished(job) && compared(job.spec).length > 1 ? await get(`/v1/jobs/${job.id}/analysis`).catch(() => null) : null;
    if (mine !== turn) return;
    const drawn = { epochs, line: sparkline(history.runs, job.spec.baseline), best: least(history.runs, analysis) };
    curves.set(job.id, drawn);
    root.querySelector(`[data-job="${CSS.escape(job.id)}"]`)?.replaceWith(row(job));
  }
  for (const id of curves.keys()) if (curves.size > 5 * PAGE && !jobs.some((job) => job.id === id)) curves.delete(id);
}

/** @param {string} id @param {boolean} on */
function pick(id, on) {
  if (on) picked.add(id); else picked.delete(id);
  showPicked(byId('compare-bar'), 'job', picked);
}

form.addEventListener('input', () => setAll('after', []));
tie(form, debounced(load, 200));
document.addEventListener('visibilitychange', () => { if (document.hidden) clearTimeout(timer); else load(); });
load();
