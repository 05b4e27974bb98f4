// Where a file is read: in a worker, which has its code before there is a file, or, from a disk,
// where browsers refuse workers, on the page itself.
"use strict";
const doctorWorker = (() => {
  const onPage = typeof document !== "undefined";
  if (!onPage) {
    onmessage = async ({ data: { scripts, question } }) => {
      if (scripts) {
        importScripts(...scripts);
        postMessage({ ready: true });
        return;
      }
      try {
        postMessage({ answer: await doctorConsultation.respond(question, new doctorBytes.Meter((read) => postMessage({ read }))) });
      } catch (error) {
        postMessage({ error: String(error) });
      }
    };
  }

  // Those that the worker needs stand before this one on the page.
  const own = onPage ? /** @type {HTMLScriptElement} */ (document.currentScript).src : "";
  const all = onPage ? [.../** @type {NodeListOf<HTMLScriptElement>} */ (document.querySelectorAll('script[src*="/doctor/"]'))].map(({ src }) => src) : [];

  /** A worker that is ready, or null where there is none. @returns {Promise<Worker | null>} */
  const start = () => new Promise((resolve) => {
    try {
      const worker = new Worker(own);
      worker.onmessage = () => resolve(worker);
      worker.onerror = () => resolve(null);
      worker.postMessage({ scripts: all.slice(0, all.indexOf(own)) });
    } catch {
      resolve(null);
    }
  });
  let waiting = onPage ? start() : Promise.resolve(null);

  /**
   * Ask the worker. The promise is rejected with `Canceled` after `signal` is aborted.
   * @param {Question} question @param {{progress: (read: number) => void, signal: AbortSignal}} options @returns {Promise<Answer>}
   */
  const consult = async (question, { progress, signal }) => {
    const worker = await waiting;
    if (signal.aborted) throw new doctorBytes.Canceled();
    if (!worker) {
      const meter = new doctorBytes.Meter(progress);
      signal.addEventListener("abort", () => { meter.canceled = true; });
      return doctorConsultation.respond(question, meter);
    }
    return new Promise((resolve, reject) => {
      const end = (/** @type {Error} */ error) => {
        worker.terminate();
        waiting = start();
        reject(error);
      };
      signal.addEventListener("abort", () => end(new doctorBytes.Canceled()));
      worker.onmessage = ({ data }) => {
        if (data.answer) resolve(data.answer);
        else if (data.error) reject(new Error(data.error));
        else progress(data.read);
      };
      worker.onerror = () => end(new Error("The worker has ended."));
      worker.postMessage({ question });
    });
  };

  return { consult };
})();
