/** @file The service's catalogue of metrics, as the page has it: what they are called, and how they belong together. */

/**
 * pairs: training and validation, by the name of both. unpenalised: the same without the weights' penalties.
 * labels: by the names of metrics and pairs, and of the numbers in the analysis. tasks: the validation metric that
 * tells how well a task is done, and the labels that are others in jobs of that task. weights: what is measured of each
 * layer, whose name stands behind it. matters: where the smallest difference that matters comes from.
 * @type {{pairs: Record<string, string[]>, unpenalised: Record<string, string>, weights: Record<string, string>, losses: string[], trained: string, tested: string, higher: string[],
 *   least: Record<string, number>, most: Record<string, number>, labels: Record<string, string>, matters: Record<string, string>, tasks: Record<string, {measure: string, labels: Record<string, string>}>}}
 */
export const METRICS = JSON.parse(document.body.dataset.metrics ?? '{}');

/**
 * What people read of a metric, in jobs of `task`, or in jobs that have no task in common.
 * @param {string} name @param {string | null} [task]
 */
export const label = (name, task) => METRICS.tasks[task ?? '']?.labels[name] ?? METRICS.labels[name] ?? ofLayer(name) ?? name.replaceAll('_', ' ');

/** What people read of a layer's measure; null of any other metric. @param {string} name */
export function ofLayer(name) {
  const [measure, layer] = name.split('.');
  return layer && METRICS.weights[measure] ? `${METRICS.weights[measure]} ${layer}` : null;
}

/** The same within a sentence. @param {string} name @param {string | null} [task] */
export const phrase = (name, task) => label(name, task).replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());

/** The task of all these jobs; null if they have several. @param {{task: string}[]} jobs */
export const common = (jobs) => (new Set(jobs.map((job) => job.task)).size === 1 ? jobs[0].task : null);

/** The metric by the API's name: in the fair view a loss is without penalties. @param {{metric: string, view: string}} choices */
export const metricName = ({ metric, view }) => (view === 'data' ? METRICS.unpenalised[metric] ?? metric : metric);

/** @param {string} metric @returns {string[]} */
export const metricsOf = (metric) => METRICS.pairs[metric] ?? [metric];

/** The training and the validation loss. @param {string} view */
export const lossesIn = (view) => metricsOf(metricName({ metric: METRICS.trained, view }));

/** What variants are ranked and compared by. A search chose its finalists by the rows held out, so that the test set judges them. @param {any} spec @param {string} view */
export function judged(spec, view) {
  const [training, validation] = lossesIn(view);
  return spec.search ? `test_${training}` : `best_${validation}`;
}

/** Whether it is a loss: it may be read without penalties, and rises where a network overfits. @param {string} metric */
export const isLoss = (metric) => METRICS.losses.includes(metric);
