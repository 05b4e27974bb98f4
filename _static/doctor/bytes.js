// Parts of a file, read by slices and never whole. A meter counts what was read, lets the page
// breathe where there is no worker, and ends everything when the reader cancels.
"use strict";
const doctorBytes = (() => {
  /** What a file has that cannot be read; its message is for the reader. */
  class Unreadable extends Error {}
  /** The reader has pressed Cancel. */
  class Canceled extends Error {}

  class Meter {
    /** @param {(read: number) => void} [progress] */
    constructor(progress = () => {}) {
      this.read = 0;
      this.canceled = false;
      this.progress = progress;
      this.rested = performance.now();
    }

    /** To be called often: every 30 ms, the page or the worker handles what is waiting. */
    async rest() {
      if (performance.now() - this.rested > 30) {
        this.progress(this.read);
        await new Promise((done) => { setTimeout(done); });
        this.rested = performance.now();
      }
      if (this.canceled) throw new Canceled();
    }
  }

  class Bytes {
    /**
     * @param {Blob} blob
     * @param {Meter} meter
     * @param {number} [start] where it begins in its file
     */
    constructor(blob, meter, start = 0) {
      this.blob = blob;
      this.meter = meter;
      this.start = start;
      this.size = blob.size;
    }

    /** The bytes from *at* on, fewer if there are no more. */
    async read(/** @type {number} */ at, /** @type {number} */ length) {
      const slice = this.blob.slice(at, Math.min(at + length, this.size));
      this.meter.read += slice.size;
      await this.meter.rest();
      return new Uint8Array(await slice.arrayBuffer());
    }

    part(/** @type {number} */ at, length = this.size - at) {
      return new Bytes(this.blob.slice(at, at + length), this.meter, this.start + at);
    }

    async text(at = 0, length = this.size) {
      return new TextDecoder().decode(await this.read(at, length));
    }
  }

  /** A number of 8 bytes; those beyond 2^53 are no place in any file. */
  const int64 = (/** @type {DataView} */ view, /** @type {number} */ at) => Number(view.getBigUint64(at, true));
  const viewOf = (/** @type {Uint8Array} */ bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

  /** Each byte as the character of its number; TextDecoder takes those from 0x80 to 0x9f for others. */
  const latin1 = (/** @type {Uint8Array} */ bytes) => {
    let text = "";
    for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
    return text;
  };

  return { latin1, Unreadable, Canceled, Meter, Bytes, int64, viewOf };
})();
