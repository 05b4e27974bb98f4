// Where a file is read: in a worker, which has its code before there is a file, or, from a disk,
// where browsers refuse workers, on the page itself.
"use strict";
globalThis.doctor ??= {};
if (typeof document === "undefined") {
  onmessage = async ({ data: { scripts, question } }) => {
    if (scripts) {
      importScripts(...scripts);
      postMessage({ ready: true });
    } else {
      try {
        postMessage({ answer: await doctor.respond(question, new doctor.Meter((read) => postMessage({ read }))) });
      } catch (error) {
        postMessage({ error: String(error) });
      }
    }
  };
} else {
  const own = /** @type {HTMLScriptElement} */ (document.currentScript).src;
  // Those that the worker needs stand before this one on the page.
  const all = [.../** @type {NodeListOf<HTMLScriptElement>} */ (document.querySelectorAll('script[src*="/doctor/"]'))].map(({ src }) => src);
  const scripts = all.slice(0, all.indexOf(own));

  /** A worker that is ready, or null where there is none. @returns {Promise<Worker | null>} */
  const start = () => new Promise((resolve) => {
    try {
      const worker = new Worker(own);
      worker.onmessage = () => resolve(worker);
      worker.onerror = () => resolve(null);
      worker.postMessage({ scripts });
    } catch {
      resolve(null);
    }
  });
  let waiting = start();

  /**
   * Ask the worker. The promise is rejected with `Canceled` after `signal` is aborted.
   * @param {any} question @param {{progress: (read: number) => void, signal: AbortSignal}} options
   */
  doctor.consult = async (question, { progress, signal }) => {
    const worker = await waiting;
    if (signal.aborted) throw new doctor.Canceled();
    if (!worker) {
      const meter = new doctor.Meter(progress);
      signal.addEventListener("abort", () => { meter.canceled = true; });
      return doctor.respond(question, meter);
    }
    return new Promise((resolve, reject) => {
      const end = (/** @type {Error} */ error) => {
        worker.terminate();
        waiting = start();
        reject(error);
      };
      signal.addEventListener("abort", () => end(new doctor.Canceled()));
      worker.onmessage = ({ data }) => {
        if (data.answer) resolve(data.answer);
        else if (data.error) reject(new Error(data.error));
        else progress(data.read);
      };
      worker.onerror = () => end(new Error("The worker has ended."));
      worker.postMessage({ question });
    });
  };
}
