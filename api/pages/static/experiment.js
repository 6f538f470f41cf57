/** @file A job with its epochs, kept true by its events. Holds the epochs themselves and no event. */

import { get } from './api.js';

/**
 * @typedef {{id: string, job: string, variant: string, seed: number, status: string, epochs: number[],
 *   metrics: Record<string, (number | null)[]>, nonfinite: {epoch: number, metric: string, kind: string}[]}} Run
 */

const FINISHED = ['succeeded', 'failed', 'cancelled'];

/** @param {{status: string}} thing a job or a run */
export const finished = (thing) => FINISHED.includes(thing.status);

export class Experiment {
  /** @param {any} job @param {any} history */
  constructor(job, history) {
    this.job = job;
    this.seen = job.last_event;
    /** The service's clock, by its latest event. @type {string | null} */
    this.clock = null;
    this.setHistory(history);
  }

  /** @param {string} id */
  static async load(id) {
    // The job first: its last event is then not later than the history, and what comes twice does no harm.
    const job = await get(`/v1/jobs/${id}`);
    return new Experiment(job, await get(`/v1/jobs/${id}/history`));
  }

  /** @param {any} history */
  setHistory(history) {
    /** @type {Map<string, Run>} */
    this.runs = new Map(history.runs.map((/** @type {any} */ run) => [run.run_id, { ...run, id: run.run_id, job: this.job.id }]));
  }

  /**
   * Takes an event in. An epoch replaces itself and whatever came after it, so a run that is trained
   * anew, and an event that comes again, both leave what is true.
   * @param {import('./follow.js').JobEvent} event
   * @returns {boolean} whether the job itself changed, and should be read again
   */
  apply(event) {
    this.seen = event.id;
    this.clock = event.created_at;
    const run = event.run_id ? this.runs.get(event.run_id) : undefined;
    if (run && (event.type === 'run.restarted' || event.data.reason === 'retry')) {
      for (const values of [run.epochs, run.nonfinite, ...Object.values(run.metrics)]) values.length = 0;
    }
    if (event.type !== 'run.epoch' || !run) return true;
    const { epoch, metrics, nonfinite = {} } = event.data;
    const keep = run.epochs.findIndex((each) => each >= epoch);
    const length = keep === -1 ? run.epochs.length : keep;
    run.epochs.length = length;
    run.epochs.push(epoch);
    for (const [name, value] of Object.entries(metrics)) {
      const values = (run.metrics[name] ??= []);
      while (values.length < length) values.push(null);
      values.length = length;
      values.push(value);
    }
    run.nonfinite = run.nonfinite.filter((each) => each.epoch < epoch);
    for (const [metric, kind] of Object.entries(nonfinite)) run.nonfinite.push({ epoch, metric, kind });
    return false;
  }

  /** How far it is, as the service reckons it, from the epochs that came in. */
  progress() {
    const coming = finished(this.job) ? 0 : (this.job.search?.coming ?? 0) * this.job.spec.training.epochs;
    let total = coming, done = 0, left = coming, missing = coming, paced = 0, begun = Infinity;
    const queued = Date.parse(this.job.queued_at);
    for (const run of this.job.runs) {
      const epochs = this.runs.get(run.id)?.epochs.at(-1) ?? run.epoch;
      total += run.epochs;
      done += epochs;
      if (!finished(run)) left += run.epochs - epochs;
      // A trial of a search that was pruned, or whose values made it fail, has done all that it was to do.
      const over = run.trial !== null && run.error && !run.error.retryable;
      if (run.status !== 'succeeded' && !over) missing += run.epochs - epochs;
      // What was trained before the job was queued again, and what was taken over, says nothing about the pace.
      const started = Date.parse(run.started_at);
      if (started >= queued && !run.reused_from) {
        paced += epochs;
        begun = Math.min(begun, started);
      }
    }
    const percent = total ? 100 * (1 - missing / total) : 0;
    const now = this.clock && new Date(this.clock).getTime();
    const eta = this.job.status === 'running' && left && paced && now ? (Math.max(0, now - begun) / 1000 / paced) * left : null;
    return { percent, done, total, left, eta };
  }
}
