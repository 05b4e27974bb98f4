// What a gzip file unpacks to: its beginning, which has the list of tensors of every kind of
// checkpoint, and no more than that, whatever the file would unpack to.
"use strict";
const doctorGzip = (() => {
  const MOST_UNPACKED = 64 << 20, PART = 64 << 10; // which can become a thousand times as much at once

  /** The first 64 MB; `whole` if that is all, `damaged` if the file ends too early or is not what gzip writes. @param {Bytes} file */
  const gunzip = async (file) => {
    let at = 0;
    const packed = new ReadableStream({
      async pull(controller) { // by parts, so that the meter counts them, and cancels
        if (at >= file.size) return controller.close();
        controller.enqueue(await file.read(at, PART));
        at += PART;
      },
    }, { highWaterMark: 0 });
    const reader = packed.pipeThrough(new DecompressionStream("gzip")).getReader();
    /** @type {Uint8Array<ArrayBuffer>[]} */
    const parts = [];
    let length = 0, whole = false, damaged = false;
    try {
      while (!whole && length < MOST_UNPACKED) {
        const { done, value } = await reader.read();
        whole = done;
        if (value) {
          parts.push(value);
          length += value.length;
        }
        await file.meter.rest();
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      damaged = true;
    } finally {
      reader.cancel().catch(() => {}); // which has failed already
    }
    return { blob: new Blob(parts), whole, damaged };
  };

  return { gunzip };
})();
