/** @file The page that makes a job: one document, edited as a form and as JSON, judged by the service as it is typed. */

import { get, post, Problem } from './api.js';
import { at, byId, debounced, fill, h } from './dom.js';
import { Draft, FIELDS, first, prune } from './draft.js';
import { inputs, labelled, list, parsed, sentence, several, showErrors } from './fields.js';
import { count, plural } from './format.js';
import { showPreview } from './preview.js';
import { showProblem } from './status.js';
import { Variants } from './variants.js';

const form = byId('job-form'), json = byId('json'), jsonError = byId('json-error'), button = byId('submit');
const draft = new Draft(() => { writeJson(); validate(); });
const AGAIN = 2000;
/** What is written here, by the page's address, while its tab is open. */
const KEPT = 'ockham-draft';
/** The kind of data set that a user sent: chosen by its id. */
const OWN = 'table';
/** @type {Variants} */
let variants;
/** What a repeated click repeats, rather than submits anew. */
let once = '';
let turn = 0;

const writeJson = () => { json.value = JSON.stringify(draft.body, null, 2); jsonError.textContent = ''; };

const START = {
  name: 'my first comparison',
  variants: ['original', { name: 'mine', layers: [{ type: 'dense', units: 16, activation: 'relu' }, { type: 'dropout', rate: 0.3 }, { type: 'dense', units: 8, activation: 'relu' }] }],
  seeds: [0, 1, 2],
};

/** Of a table with fewer rows, batches are small: of large ones an epoch would have too few to learn from. */
const FEW_ROWS = 20_000, SMALL_BATCH = 128;

/** On a table of one's own: which remedy helps. @param {any} dataset */
function startOn(dataset) {
  const own = sent.find((each) => each.id === dataset.id);
  return {
    name: `${(own?.name ?? 'a table').slice(0, 150).trim()}: which remedy helps?`,
    variants: ['original', 'smaller', 'l2', 'dropout'],
    seeds: [0, 1, 2, 3, 4],
    dataset,
    ...(own?.rows.train < FEW_ROWS ? { training: { batch_size: SMALL_BATCH } } : {}),
  };
}

/** Fills the form from the draft. */
function showForm() {
  const name = h('input', { type: 'text', value: draft.body.name ?? '', placeholder: 'untitled', maxLength: 200, autocomplete: 'off', oninput: () => draft.write('/name', name.value || undefined) });
  fill(byId('name-field'), labelled('Name of the job', '/name', name));
  variants.show();
  fill(byId('sweep'), FIELDS.axes.map(axis));
  showSeeds();
  showDataset();
  showTraining();
}

/** @param {import('./draft.js').Choice} axis */
function axis({ name, title, about }) {
  const pointer = `/sweep/grid/${name}`;
  const value = draft.read(pointer);
  const box = h('input', { type: 'text', autocomplete: 'off', title: about, value: Array.isArray(value) ? value.join(', ') : '', oninput: () => draft.write(pointer, box.value.trim() ? list(box.value) : undefined) });
  return labelled(title, pointer, box);
}

function showSeeds() {
  const seeds = Array.isArray(draft.body.seeds) ? draft.body.seeds : [0];
  const box = h('input', { type: 'text', value: seeds.join(', '), autocomplete: 'off', oninput: () => draft.write('/seeds', box.value.trim() ? list(box.value) : undefined) });
  const many = [1, 3, 5, 10].map((n) => h('button', { type: 'button', 'aria-label': plural(n, 'seed'), onclick: () => { draft.write('/seeds', Array.from({ length: n }, (_, i) => i)); showSeeds(); } }, String(n)));
  fill(byId('seeds'), labelled('Seeds', '/seeds', box), h('span', { class: 'many', role: 'group', 'aria-label': 'How many' }, many),
    several(draft, 'Another for each seed, the same for all variants', '/vary', FIELDS.varied, ['seed']));
}

/** The data sets that users sent, newest first. @type {{id: string, name: string}[]} */
let sent = [];

/** @param {string} value of the list of data sets */
const named = (value) => (value.startsWith('ds_') ? { id: value } : value === first(FIELDS.datasets) ? undefined : { name: value });

function showDataset() {
  const at = draft.body.dataset, own = at?.id ? String(at.id) : '';
  const chosen = own ? OWN : (typeof at === 'string' ? at : at?.name) ?? first(FIELDS.datasets);
  const select = h('select', { onchange: () => { draft.write('/dataset', named(select.value)); showDataset(); } },
    Object.entries(FIELDS.datasets).filter(([name]) => name !== OWN).map(([name, { title, about }]) => h('option', { value: name, title: about }, sentence(title))),
    (own && !sent.some((each) => each.id === own) ? [...sent, { id: own, name: own }] : sent).map(({ id, name }) => h('option', { value: id }, name)));
  select.value = own || chosen;
  const holdout = draft.read('/dataset/validation/holdout');
  const held = h('input', { type: 'text', inputMode: 'decimal', class: 'short', value: holdout ?? '', placeholder: 'none', oninput: () => {
    draft.write('/dataset/validation', held.value.trim() ? { holdout: parsed(held.value) } : undefined);
  } });
  fill(byId('dataset'), labelled('Data set', '/dataset/name', select), inputs(draft, (FIELDS.datasets[chosen]?.fields ?? []).filter((field) => field.name !== 'id'), '/dataset'),
    labelled(`${FIELDS.datasets[chosen]?.rows ?? 'rows'} held out`, '/dataset/validation', held, '(else the test set validates)'));
}

/** Early stopping is on where it says anything: its patience stays, even if it is the default. @param {import('./draft.js').Field} field */
const kept = (field) => ({ ...field, kept: field.name === 'patience' });

function showTraining() {
  const optimizer = draft.read('/training/optimizer');
  const chosen = (typeof optimizer === 'string' ? optimizer : optimizer?.name) ?? first(FIELDS.optimizers);
  const select = h('select', { onchange: () => { draft.write('/training/optimizer', select.value === first(FIELDS.optimizers) ? undefined : { name: select.value }); showTraining(); } },
    Object.entries(FIELDS.optimizers).map(([name, { title, about }]) => h('option', { value: name, title: about }, title)));
  select.value = chosen;
  const fields = FIELDS.optimizers[chosen]?.fields ?? [];
  const stops = Boolean(draft.read('/training/early_stopping'));
  const early = h('input', { type: 'checkbox', checked: stops, onchange: () => { draft.write('/training/early_stopping', early.checked ? { patience: 3 } : undefined); showTraining(); } });
  fill(byId('training'), inputs(draft, FIELDS.training, '/training'), labelled('Optimizer', '/training/optimizer/name', select),
    inputs(draft, fields.filter((field) => field.main), '/training/optimizer'),
    h('details', { class: 'more' }, h('summary', { class: 'small' }, 'more of the optimizer'), h('div', { class: 'fields' }, inputs(draft, fields.filter((field) => !field.main), '/training/optimizer'))),
    labelled('Stop early', '/training/early_stopping', early), stops && inputs(draft, FIELDS.stopping.map(kept), '/training/early_stopping'),
    several(draft, 'Measure too, of the validation set', '/training/metrics', FIELDS.metrics));
}

json.addEventListener('input', () => {
  try {
    const body = JSON.parse(json.value);
    if (body === null || typeof body !== 'object' || Array.isArray(body)) throw new SyntaxError('A specification is a JSON object');
    draft.body = body;
    jsonError.textContent = '';
    showForm();
    validate();
  } catch (error) {
    jsonError.textContent = /** @type {Error} */ (error).message;
    button.disabled = true;
  }
});

const validate = debounced(async () => {
  const mine = ++turn;
  once = '';
  try {
    const preview = await post('/v1/jobs?validate_only=true', draft.body);
    if (mine !== turn) return;
    showErrors(form, []);
    fill(byId('problem'));
    button.disabled = Boolean(jsonError.textContent);
    button.textContent = `Train ${plural(preview.runs, 'run')}`;
    for (const place of form.querySelectorAll('[data-parameters]')) {
      const found = preview.variants.find((/** @type {any} */ each) => each.name === place.dataset.parameters);
      place.textContent = found ? `${count(found.parameters)} parameters` : '';
    }
    await showPreview(byId('preview'), preview);
  } catch (problem) {
    if (mine !== turn) return;
    button.disabled = true;
    showFaults(problem);
    // A service that is back answers by itself, without a click.
    if (problem instanceof Problem && problem.status === 0) setTimeout(() => { if (mine === turn) validate(); }, AGAIN);
  }
}, 200);

/** @param {any} problem */
function showFaults(problem) {
  if (!(problem instanceof Problem) || !problem.errors.length) return showProblem(byId('problem'), problem, validate);
  const elsewhere = showErrors(form, problem.errors);
  fill(byId('preview'), h('p', { class: 'error-text' }, `${plural(problem.errors.length, 'thing')} to put right`),
    h('ul', { class: 'notes' }, (elsewhere.length ? elsewhere : problem.errors).slice(0, 8).map((error) => h('li', {}, h('code', {}, error.pointer || '/'), ` ${error.detail}`))));
}

form.addEventListener('submit', async (/** @type {Event} */ event) => {
  event.preventDefault();
  if (button.disabled) return;
  button.disabled = true;
  once ||= Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
  try {
    const job = await post('/v1/jobs', draft.body, { headers: { 'Idempotency-Key': once } });
    location.assign(at(`/jobs/${job.id}`));
  } catch (problem) {
    showFaults(problem);
    button.disabled = false;
    scrollTo({ top: 0 });
  }
});

/** @param {any} body */
function begin(body) {
  draft.body = structuredClone(body);
  variants.open = new Set(draft.body.variants?.flatMap((/** @type {any} */ each, /** @type {number} */ i) => (each.name === 'mine' ? [i] : [])));
  writeJson();
  showForm();
  validate();
}

async function load() {
  const address = new URLSearchParams(location.search);
  try {
    const presets = await get('/v1/presets');
    sent = (await get('/v1/datasets', { limit: 100 })).data.filter((/** @type {any} */ each) => !each.builtin);
    variants = new Variants(byId('variants'), byId('adders'), draft, presets.variants);
    fill(byId('starts'), h('span', { class: 'muted small' }, 'Start from'), h('button', { type: 'button', onclick: () => begin(START) }, 'original and mine'),
      presets.jobs.map((/** @type {any} */ job) => h('button', { type: 'button', onclick: () => begin(prune(job.spec, presets.variants)) }, job.name)));
    const from = address.get('from'), dataset = named(address.get('dataset') ?? first(FIELDS.datasets));
    // A page that is loaded again, or come back to, has what was written.
    const [navigation] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType('navigation'));
    const kept = ['reload', 'back_forward'].includes(navigation?.type) && sessionStorage.getItem(KEPT + location.search);
    if (kept) return begin(JSON.parse(kept));
    if (!from) return begin(dataset?.id ? startOn(dataset) : { ...START, ...(dataset ? { dataset } : {}) });
    begin(prune((await get(`/v1/jobs/${from}`)).spec, presets.variants));
  } catch (problem) {
    showProblem(byId('problem'), problem, load);
  }
}

addEventListener('pagehide', () => sessionStorage.setItem(KEPT + location.search, JSON.stringify(draft.body)));
load();
