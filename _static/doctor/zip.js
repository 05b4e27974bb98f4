// The entries of a zip archive, from its central directory or, where the end of the file is
// missing, from the headers before the entries.
"use strict";
const doctorZip = (() => {
  const { Bytes, Unreadable, int64, viewOf } = doctorBytes;
  const LOCAL = 0x04034b50, CENTRAL = 0x02014b50, END = 0x06054b50, END64 = 0x06064b50, LOCATOR64 = 0x07064b50;
  const MOST_ENTRIES = 1_000_000, MOST_DIRECTORY = 256 << 20, MOST_INFLATED = 256 << 20;

  /** @typedef {{name: string, method: number, packed: number, size: number, header: number, flags: number}} Entry */

  /** Where the central directory is: `{at, length, count}`, or null if the file has no end. */
  const findDirectory = async (/** @type {Bytes} */ file) => {
    for (const length of [1024, 66_000]) { // a comment can be 64 KB long; torch writes none
      const at = Math.max(0, file.size - length);
      const tail = viewOf(await file.read(at, length));
      for (let i = tail.byteLength - 22; i >= 0; i -= 1) {
        if (tail.getUint32(i, true) !== END) continue;
        let count = tail.getUint16(i + 10, true), size = tail.getUint32(i + 12, true), start = tail.getUint32(i + 16, true);
        if (i >= 20 && tail.getUint32(i - 20, true) === LOCATOR64) {
          const end = viewOf(await file.read(int64(tail, i - 12), 56));
          if (end.byteLength < 56 || end.getUint32(0, true) !== END64) return null;
          [count, size, start] = [int64(end, 32), int64(end, 40), int64(end, 48)];
        }
        if (start + size > file.size) return null;
        return { start, size, count };
      }
      if (at === 0) break;
    }
    return null;
  };

  /** The entries by name, or null if the end of the file, with the directory, is missing. */
  const readDirectory = async (/** @type {Bytes} */ file) => {
    const place = await findDirectory(file);
    if (!place) return null;
    if (place.size > MOST_DIRECTORY || place.count > MOST_ENTRIES) throw new Unreadable("The zip archive claims to have more than a million entries.");
    const bytes = await file.read(place.start, place.size);
    const view = viewOf(bytes), decoder = new TextDecoder();
    /** @type {Map<string, Entry>} */
    const entries = new Map();
    for (let at = 0; at + 46 <= bytes.length && view.getUint32(at, true) === CENTRAL;) {
      const [names, extras, comments] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
      const entry = {
        name: decoder.decode(bytes.subarray(at + 46, at + 46 + names)),
        flags: view.getUint16(at + 8, true),
        method: view.getUint16(at + 10, true),
        packed: view.getUint32(at + 20, true),
        size: view.getUint32(at + 24, true),
        header: view.getUint32(at + 42, true),
      };
      const end = Math.min(at + 46 + names + extras, bytes.length);
      for (let extra = at + 46 + names; extra + 4 <= end; extra += 4 + view.getUint16(extra + 2, true)) {
        if (view.getUint16(extra, true) !== 1) continue; // zip64: those fields that have no room above
        let field = extra + 4;
        for (const key of /** @type {const} */ (["size", "packed", "header"])) {
          if (entry[key] !== 0xffffffff || field + 8 > end) continue;
          entry[key] = int64(view, field);
          field += 8;
        }
      }
      entries.set(entry.name, entry);
      at += 46 + names + extras + comments;
    }
    return entries;
  };

  /** Where the data of the entry begins whose header is at *at*; its name. Null if there is no header. */
  const readHeader = async (/** @type {Bytes} */ file, /** @type {number} */ at) => {
    const bytes = await file.read(at, 512), view = viewOf(bytes);
    if (bytes.length < 30 || view.getUint32(0, true) !== LOCAL) return null;
    const names = view.getUint16(26, true), extras = view.getUint16(28, true);
    const name = new TextDecoder().decode(bytes.subarray(30, 30 + names));
    return { name, data: at + 30 + names + extras, method: view.getUint16(8, true), size: view.getUint32(22, true) };
  };

  const inflate = async (/** @type {Blob} */ blob, /** @type {number} */ size) => {
    if (size > MOST_INFLATED) throw new Unreadable("An entry of the zip archive claims to unpack to more than 256 MB.");
    const reader = blob.stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
    const parts = [];
    for (let length = 0; ;) {
      const { done, value } = await reader.read();
      if (done) return new Blob(parts);
      parts.push(value);
      length += value.length;
      if (length > size) { // more than it says: a bomb
        await reader.cancel();
        throw new Unreadable("An entry of the zip archive unpacks to more than it says.");
      }
    }
  };

  /** The content of an entry. */
  const openEntry = async (/** @type {Bytes} */ file, /** @type {Entry} */ entry) => {
    const header = await readHeader(file, entry.header);
    if (!header || header.data + entry.packed > file.size) throw new Unreadable(`The zip archive has no “${entry.name}” where its directory says.`);
    if (entry.flags & 1) throw new Unreadable("The zip archive is encrypted.");
    const packed = file.part(header.data, entry.packed);
    if (entry.method === 0) return packed;
    if (entry.method !== 8) throw new Unreadable(`The zip archive is packed with method ${entry.method}, which neither torch nor this page reads.`);
    return new Bytes(await inflate(packed.blob, entry.size), file.meter);
  };

  /** Where the next header is, soon after *at*; -1 if there is none. */
  const nextHeader = async (/** @type {Bytes} */ file, /** @type {number} */ at) => {
    for (const range of [64, 4096]) {
      const bytes = await file.read(at, range);
      for (let i = 0; i + 4 <= bytes.length; i += 1) {
        if (bytes[i] === 0x50 && bytes[i + 1] === 0x4b && bytes[i + 2] === 3 && bytes[i + 3] === 4) return at + i;
      }
    }
    return -1;
  };

  return { readDirectory, readHeader, openEntry, nextHeader };
})();
