/** @file What a reader takes along: downloads, the lines that fetch what is shown, the specification. */

import { authorization, get, save } from './api.js';
import { fill, h } from './dom.js';
import { showProblem } from './status.js';

/** A name for a file. @param {string} name */
const plain = (name) => name.replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[-.]+|-+$/g, '') || 'job';

/** A word of a shell command. @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * @param {Element} downloads @param {Element} lines @param {any} job
 * @param {{metric: string, band: string, variants: string[] | null}} choices `variants` where not all are shown
 */
export function showLines(downloads, lines, job, choices) {
  const name = plain(job.name);
  const query = new URLSearchParams({ band: choices.band });
  // The service separates names by commas: one that holds a comma cannot be asked for alone.
  if (choices.variants?.length && !choices.variants.some((each) => each.includes(','))) query.set('variants', choices.variants.join(','));
  if (matchMedia('(prefers-color-scheme: dark)').matches) query.set('theme', 'dark');
  const plot = (/** @type {string} */ format) => `${job.links.self}/plots/${choices.metric}.${format}?${query}`;
  const file = (/** @type {string} */ label, /** @type {string} */ href, /** @type {string} */ as) => h('a', { class: 'button', href, 'data-save': as }, label);
  fill(downloads,
    h('p', { class: 'files' }, h('span', {}, 'This figure'), ['png', 'svg', 'pdf'].map((format) => file(format.toUpperCase(), plot(format), `${name}-${choices.metric}.${format}`))),
    h('p', { class: 'files' }, h('span', {}, 'Every epoch'), (document.body.dataset.formats ?? '').split(' ').map((each) => {
      const [format, ending] = each.split(':');
      return file(format === ending ? format.toUpperCase() : format, `${job.links.history}?format=${format}`, `${name}.${ending}`);
    })),
    h('p', { class: 'files' }, h('span', {}, 'All in one'), file('Report', job.links.report, `${name}.html`), file('Bundle', job.links.bundle, `${name}.zip`)),
    h('p', { class: 'muted small' }, 'The report is a page to read and to print; the bundle holds everything, with a script that trains the same in plain Keras. Models are in the table of runs.'));
  const { origin } = location;
  const key = authorization().Authorization ? ' -H "Authorization: Bearer $OCKHAM_API_KEY"' : '';
  fill(lines,
    code('In a shell', `curl -s${key} ${origin}${job.links.history}\ncurl -s${key} -o ${name}.png ${quoted(`${origin}${plot('png')}`)}`),
    code('In Python', `from ockham_client import Client\n\nwith Client("${origin}") as client:\n    history = client.history("${job.id}")\n    metrics = client.metrics("${job.id}")`));
}

/** Text to copy. @param {string} title @param {string} text */
export function code(title, text) {
  const button = h('button', { type: 'button', class: 'quiet small', onclick: async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = 'Copy'; }, 1500);
  } }, 'Copy');
  return h('div', { class: 'code' }, h('div', { class: 'code-head' }, h('span', {}, title), button), h('pre', { tabIndex: 0, role: 'region', 'aria-label': title }, h('code', {}, text)));
}

/** A link carries no key: with one, files are fetched by a request. */
document.addEventListener('click', async (event) => {
  const link = /** @type {HTMLElement} */ (event.target).closest?.('a[data-save]');
  if (!(link instanceof HTMLAnchorElement) || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  link.setAttribute('aria-busy', 'true');
  try {
    await save(link.href, link.dataset.save ?? '');
  } catch (problem) {
    showProblem(/** @type {Element} */ (document.getElementById('problem')), problem);
    scrollTo({ top: 0 });
  }
  link.removeAttribute('aria-busy');
});

let specified = '';
/** @param {Element} root @param {import('./experiment.js').Experiment} experiment */
export async function showSpecification(root, experiment) {
  const { job } = experiment;
  const started = job.runs.find((/** @type {any} */ run) => run.started_at);
  const state = `${started?.id} ${job.spec.seeds.length}`;
  if (state === specified) return;
  const run = started ? await get(started.links.self).catch(() => null) : null;
  // A run has its fingerprint soon after it began, not at once: until then this is asked for again.
  specified = run?.fingerprint ? state : '';
  fill(root,
    run?.fingerprint && h('dl', { class: 'facts' }, flat(run.fingerprint).map(([name, value]) => [h('dt', {}, name.replaceAll('_', ' ')), h('dd', { title: value }, value)])),
    code('As it was resolved', JSON.stringify(job.spec, null, 2)),
    h('p', { class: 'muted small' }, 'Job ', h('code', {}, job.id)));
}

/** A document's values by their paths. @param {any} document @param {string} [prefix] @returns {[string, string][]} */
export function flat(document, prefix = '') {
  if (document === null || typeof document !== 'object') return [[prefix, String(document ?? '–')]];
  return Object.entries(document).flatMap(([name, value]) => flat(value, prefix ? `${prefix}.${name}` : name));
}
