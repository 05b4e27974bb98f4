// What a reader asks: about files, and then how they differ from a second input. The report stays
// here for that, and only what the page shows of a difference leaves.
"use strict";
const doctorConsultation = (() => {
  const { examine } = doctorFormats;
  const { findings } = doctorFindings;
  const { expected } = doctorModel;
  const { ownKeys, compare, expectedOf } = doctorComparison;
  const MOST_SHOWN = 500;

  const first = /** @template Entry @param {Entry[]} list */ (list) => ({ count: list.length, first: list.slice(0, MOST_SHOWN) });
  /** A comparison, as far as the page shows it. */
  const shortened = (/** @type {ReturnType<typeof compare>} */ { pairs, shapes, dtypes, unused, missing, ...rest }) => ({
    ...rest, pairs: pairs.length, renamed: first(pairs.filter(({ from, to }) => from !== to)), shapes: first(shapes), dtypes: first(dtypes), unused: first(unused), missing: first(missing),
  });

  /** @returns {Promise<Answer>} */
  const differences = async (/** @type {Report} */ report, /** @type {NonNullable<Question["second"]>} */ { text, files }, /** @type {Meter} */ meter) => {
    if (files) {
      const other = await examine(files, meter);
      return other.tensors.length ? { difference: shortened(compare(report, expectedOf(other))) } : { problem: `${other.title}: there are no tensors to compare with.` };
    }
    const wanted = expected(text ?? "", ownKeys(report));
    return wanted.keys.size ? { difference: shortened(compare(report, wanted)) } : { problem: "There are no keys in it: paste the whole message, what print(model) shows, or list(model.state_dict())." };
  };

  /** @type {{id: number, report: Report} | null} */
  let known = null;
  /** The report of the files with its findings, or what differs from the second input. @param {Question} question @param {Meter} meter @returns {Promise<Answer>} */
  const respond = async ({ id, files, second }, meter) => {
    if (id !== known?.id) known = { id, report: await examine(files, meter) };
    return second ? differences(known.report, second, meter) : { report: { ...known.report, findings: findings(known.report) } };
  };

  return { respond };
})();
