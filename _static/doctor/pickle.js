// A pickle, read without doing what it says: a stack machine for all opcodes of protocols 0 to 5
// that builds descriptions of objects. It imports nothing and calls nothing.
"use strict";
const doctorPickle = (() => {
  const { Unreadable, int64, viewOf, latin1 } = doctorBytes;
  const ENDS = "The pickle goes on beyond the end of the file.";
  const MOST_STEPS = 50_000_000, MOST_TEXT = 1 << 16, MOST_STACK = 5_000_000;

  /** More bytes are needed before an opcode can be read. */
  class More { constructor(/** @type {number} */ length) { this.length = length; } }
  /** A line is longer than what is kept of it, so its end has to be found first. */
  class LongLine { constructor(/** @type {number} */ at) { this.at = at; } }
  const utf8 = new TextDecoder();

  class Pickle {
    /** @param {Bytes} bytes @param {number} [at] where it begins */
    constructor(bytes, at = 0) {
      this.bytes = bytes;
      this.at = at;
      this.buffer = new Uint8Array();
      this.view = viewOf(this.buffer);
      this.base = at; // where the buffer begins
      this.chunk = 4096;
      this.steps = 0;
      /** @type {Value[]} */ this.stack = [];
      /** @type {number[]} */ this.marks = [];
      /** @type {Map<number, Value>} */ this.memo = new Map();
      /** @type {PickledReference[]} */ this.persistent = [];
      /** @type {Map<string, PickledGlobal>} */ this.globals = new Map();
      /** @type {Set<number>} */ this.codes = new Set(); // in the order of their first use
      /** @type {Map<number, number>} */ this.ends = new Map(); // of long lines
      this.textual = false; // refers to storages by text, which torch does not read
    }

    async fill(/** @type {number} */ length) {
      if (this.at + length > this.bytes.size) throw new Unreadable(ENDS);
      this.buffer = await this.bytes.read(this.at, Math.max(length, this.chunk));
      if (this.buffer.length < length) throw new Unreadable(ENDS);
      this.view = viewOf(this.buffer);
      this.base = this.at;
      this.chunk = Math.min(this.chunk * 2, 1 << 20);
    }

    /** Where the next *length* bytes are in the buffer. */
    take(/** @type {number} */ length) {
      const at = this.at - this.base;
      if (at + length > this.buffer.length) throw new More(length);
      this.at += length;
      return at;
    }

    /** The first bytes of the next *length* ones, all of which are passed over. */
    payload(/** @type {number} */ length) {
      const kept = Math.min(length, MOST_TEXT), at = this.take(kept);
      this.at += length - kept;
      if (this.at > this.bytes.size) throw new Unreadable(ENDS);
      return this.buffer.subarray(at, at + kept);
    }

    line() {
      const at = this.at - this.base, end = this.buffer.indexOf(10, at), known = this.ends.get(this.at);
      if (known !== undefined) {
        const kept = this.take(MOST_TEXT);
        this.at = known + 1;
        return `${latin1(this.buffer.subarray(kept, kept + MOST_TEXT))}…`;
      }
      if (end < 0) {
        if (this.buffer.length - at > MOST_TEXT) throw new LongLine(this.at);
        throw new More(Math.max(this.buffer.length - at + 1, Math.min(MOST_TEXT + 1, this.bytes.size - this.at)));
      }
      this.at += end + 1 - at;
      return latin1(this.buffer.subarray(at, end));
    }

    /** Where the line ends that begins at *at*. */
    async endOfLine(/** @type {number} */ at) {
      for (let place = at + MOST_TEXT; place < this.bytes.size; place += 1 << 20) {
        const end = (await this.bytes.read(place, 1 << 20)).indexOf(10);
        if (end >= 0) return place + end;
      }
      throw new Unreadable(ENDS);
    }

    u1() { return this.view.getUint8(this.take(1)); }
    u2() { return this.view.getUint16(this.take(2), true); }
    i4() { return this.view.getInt32(this.take(4), true); }
    u4() { return this.view.getUint32(this.take(4), true); }
    u8() { return int64(this.view, this.take(8)); }
    raw(/** @type {number} */ length) { return new PickledBytes(length, this.payload(length).slice(0, 512)); }
    string(/** @type {number} */ length) { return utf8.decode(this.payload(length)) + (length > MOST_TEXT ? "…" : ""); }

    long(/** @type {number} */ length) {
      const bytes = this.payload(length);
      if (length > 256) return new PickledBytes(length, bytes.slice(0, 256));
      let value = 0n;
      for (let i = length - 1; i >= 0; i -= 1) value = (value << 8n) | BigInt(bytes[i]);
      return small(length && bytes[length - 1] & 0x80 ? value - (1n << BigInt(8 * length)) : value);
    }

    pop() {
      if (!this.stack.length || this.stack.length === this.marks.at(-1)) throw new Unreadable("The pickle takes more from its stack than is there.");
      return this.stack.pop();
    }

    get top() {
      if (!this.stack.length) throw new Unreadable("The pickle takes more from its stack than is there.");
      return this.stack.at(-1);
    }

    popMark() {
      const mark = this.marks.pop();
      if (mark === undefined) throw new Unreadable("The pickle has no mark where one is needed.");
      return this.stack.splice(mark);
    }

    global(/** @type {string} */ module, /** @type {string} */ name) {
      module = { __builtin__: "builtins", copy_reg: "copyreg" }[module] ?? module;
      const key = `${module}\n${name}`;
      let found = this.globals.get(key);
      if (!found) this.globals.set(key, found = new PickledGlobal(module, name));
      return found;
    }

    get(/** @type {number} */ index) {
      if (!this.memo.has(index)) throw new Unreadable("The pickle refers to an object that it has not made.");
      return this.memo.get(index);
    }

    /** What a reference means that protocol 0 writes as text: str() of the tuple that others hold. */
    reference(/** @type {string} */ text) {
      const found = text.match(/^\('storage', <class '([\w.]+)\.(\w+)'>, '([^']*)', '([^']*)', (\d+)(?:, (?:None|\('([^']*)', (\d+), (\d+)\)))?\)$/);
      if (!found) return text;
      const [, module, name, key, device, length, view, start, size] = found;
      this.textual = true;
      return new PickledSequence("tuple", ["storage", this.global(module, name), key, device, Number(length), view === undefined ? null : new PickledSequence("tuple", [view, Number(start), Number(size)])]);
    }

    /** The object; then `at` is where its pickle ends. */
    async load() {
      for (;;) {
        let before = this.at;
        try {
          for (let i = 0; i < 20_000; i += 1) {
            before = this.at;
            if (!this.step(this.u1())) return this.pop();
          }
        } catch (error) { // the opcode is read again when there is more
          if (error instanceof LongLine) {
            this.ends.set(error.at, await this.endOfLine(error.at));
            this.at = before;
          } else if (error instanceof More) {
            const length = error.length + this.at - before;
            this.at = before;
            await this.fill(length);
          } else throw error;
        }
        this.steps += 20_000;
        if (this.steps > MOST_STEPS || this.stack.length > MOST_STACK) throw new Unreadable("The pickle has more steps than this page takes, 50 million.");
        await this.bytes.meter.rest();
      }
    }

    /** What there is of the object when its pickle ends too early. */
    rescue() {
      while (this.stack.length > 1) {
        const items = this.stack.splice(this.marks.pop() ?? 1);
        const target = this.stack.at(-1);
        if (target instanceof PickledMapping || target instanceof PickledCall) addPairs(target, items);
        else if (target instanceof PickledSequence) addItems(target, items);
      }
      return this.stack[0];
    }

    /** Do what one opcode says, and return false at the end. Arguments are read before anything changes. */
    step(/** @type {number} */ code) {
      const { stack } = this;
      this.codes.add(code);
      switch (code) {
        case 0x80: this.u1(); break; // PROTO
        case 0x95: this.take(8); break; // FRAME
        case 0x2e: return false; // STOP
        case 0x28: this.marks.push(stack.length); break; // MARK
        case 0x30: // POP
          if (stack.length === this.marks.at(-1)) this.marks.pop();
          else this.pop();
          break;
        case 0x31: this.popMark(); break; // POP_MARK
        case 0x32: stack.push(this.top); break; // DUP
        // numbers and texts
        case 0x4e: stack.push(null); break; // NONE
        case 0x88: stack.push(true); break; // NEWTRUE
        case 0x89: stack.push(false); break; // NEWFALSE
        case 0x49: { // INT
          const text = this.line();
          stack.push(text === "00" ? false : text === "01" ? true : whole(text));
          break;
        }
        case 0x4c: stack.push(whole(this.line().replace(/L$/, ""))); break; // LONG
        case 0x4a: stack.push(this.i4()); break; // BININT
        case 0x4b: stack.push(this.u1()); break; // BININT1
        case 0x4d: stack.push(this.u2()); break; // BININT2
        case 0x8a: stack.push(this.long(this.u1())); break; // LONG1
        case 0x8b: stack.push(this.long(this.u4())); break; // LONG4
        case 0x46: stack.push(float(this.line())); break; // FLOAT
        case 0x47: stack.push(this.view.getFloat64(this.take(8))); break; // BINFLOAT
        case 0x53: stack.push(unquoted(this.line())); break; // STRING
        case 0x54: stack.push(this.string(this.u4())); break; // BINSTRING
        case 0x55: stack.push(this.string(this.u1())); break; // SHORT_BINSTRING
        case 0x56: stack.push(this.line().replace(/\\\\|\\u([0-9a-fA-F]{4})|\\U(00[0-9a-fA-F]{6})/g, character)); break; // UNICODE
        case 0x58: stack.push(this.string(this.u4())); break; // BINUNICODE
        case 0x8c: stack.push(this.string(this.u1())); break; // SHORT_BINUNICODE
        case 0x8d: stack.push(this.string(this.u8())); break; // BINUNICODE8
        case 0x42: stack.push(this.raw(this.u4())); break; // BINBYTES
        case 0x43: stack.push(this.raw(this.u1())); break; // SHORT_BINBYTES
        case 0x8e: case 0x96: stack.push(this.raw(this.u8())); break; // BINBYTES8, BYTEARRAY8
        case 0x97: stack.push(new PickledBytes(0, new Uint8Array())); break; // NEXT_BUFFER
        case 0x98: break; // READONLY_BUFFER
        // containers
        case 0x5d: stack.push(new PickledSequence("list", [])); break; // EMPTY_LIST
        case 0x29: stack.push(new PickledSequence("tuple", [])); break; // EMPTY_TUPLE
        case 0x7d: stack.push(new PickledMapping()); break; // EMPTY_DICT
        case 0x8f: stack.push(new PickledSequence("set", [])); break; // EMPTY_SET
        case 0x6c: stack.push(new PickledSequence("list", this.popMark())); break; // LIST
        case 0x74: stack.push(new PickledSequence("tuple", this.popMark())); break; // TUPLE
        case 0x91: stack.push(new PickledSequence("frozenset", this.popMark())); break; // FROZENSET
        case 0x64: { // DICT
          const made = new PickledMapping();
          addPairs(made, this.popMark());
          stack.push(made);
          break;
        }
        case 0x85: case 0x86: case 0x87: { // TUPLE1, TUPLE2, TUPLE3
          const items = [];
          for (let i = code; i >= 0x85; i -= 1) items.unshift(this.pop());
          stack.push(new PickledSequence("tuple", items));
          break;
        }
        case 0x61: { // APPEND
          const item = this.pop();
          addItems(this.top, [item]);
          break;
        }
        case 0x65: case 0x90: { // APPENDS, ADDITEMS
          const items = this.popMark();
          addItems(this.top, items);
          break;
        }
        case 0x73: { // SETITEM
          const value = this.pop(), key = this.pop();
          addPairs(this.top, [key, value]);
          break;
        }
        case 0x75: { // SETITEMS
          const items = this.popMark();
          addPairs(this.top, items);
          break;
        }
        // the memo
        case 0x67: stack.push(this.get(Number(this.line()))); break; // GET
        case 0x68: stack.push(this.get(this.u1())); break; // BINGET
        case 0x6a: stack.push(this.get(this.u4())); break; // LONG_BINGET
        case 0x70: this.memo.set(Number(this.line()), this.top); break; // PUT
        case 0x71: this.memo.set(this.u1(), this.top); break; // BINPUT
        case 0x72: this.memo.set(this.u4(), this.top); break; // LONG_BINPUT
        case 0x94: this.memo.set(this.memo.size, this.top); break; // MEMOIZE
        // objects
        case 0x63: { // GLOBAL
          const module = this.line();
          stack.push(this.global(module, this.line()));
          break;
        }
        case 0x93: { // STACK_GLOBAL
          const name = this.pop(), module = this.pop();
          if (typeof name !== "string" || typeof module !== "string") throw new Unreadable("A class in the pickle has no name.");
          stack.push(this.global(module, name));
          break;
        }
        case 0x82: stack.push(this.global("copyreg extension", String(this.u1()))); break; // EXT1
        case 0x83: stack.push(this.global("copyreg extension", String(this.u2()))); break; // EXT2
        case 0x84: stack.push(this.global("copyreg extension", String(this.i4()))); break; // EXT4
        case 0x52: case 0x81: { // REDUCE, NEWOBJ
          const args = this.pop(), callee = this.pop();
          stack.push(new PickledCall(callee, args));
          break;
        }
        case 0x92: { // NEWOBJ_EX
          const named = this.pop(), args = this.pop(), callee = this.pop(), made = new PickledCall(callee, args);
          if (named instanceof PickledMapping) made.args = [...made.args, named];
          stack.push(made);
          break;
        }
        case 0x6f: { // OBJ
          const [callee, ...args] = this.popMark();
          stack.push(new PickledCall(callee, new PickledSequence("tuple", args)));
          break;
        }
        case 0x69: { // INST
          const module = this.line(), name = this.line();
          stack.push(new PickledCall(this.global(module, name), new PickledSequence("tuple", this.popMark())));
          break;
        }
        case 0x62: { // BUILD
          const state = this.pop(), target = this.top;
          if (target instanceof PickledCall) target.state = state;
          break;
        }
        case 0x50: case 0x51: { // PERSID, BINPERSID
          const made = new PickledReference(code === 0x50 ? this.reference(this.line()) : this.pop());
          this.persistent.push(made);
          stack.push(made);
          break;
        }
        default: throw new Unreadable(`This is no pickle: byte ${code} is no opcode.`);
      }
      return true;
    }
  }

  const small = (/** @type {bigint} */ value) => (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value);
  const whole = (/** @type {string} */ text) => {
    if (!/^\s*[-+]?\d{1,1000}\s*$/.test(text)) throw new Unreadable("A number in the pickle is none.");
    return small(BigInt(text));
  };
  const float = (/** @type {string} */ text) => {
    const word = text.trim().toLowerCase().match(/^([-+]?)(inf|infinity|nan)$/);
    return word ? (word[2] === "nan" ? NaN : word[1] === "-" ? -Infinity : Infinity) : Number(text);
  };
  /** For what stands after a backslash. @type {(escape: string, ...hex: string[]) => string} */
  const character = (escape, short, long) => {
    const code = parseInt(short ?? long, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : escape;
  };
  /** @type {Record<string, string>} */
  const ESCAPES = { n: "\n", t: "\t", r: "\r", a: "\x07", b: "\b", f: "\f", v: "\v", "\\": "\\", "'": "'", '"': '"' };
  /** A text as Python 2 has quoted it. */
  const unquoted = (/** @type {string} */ text) => utf8.decode(Uint8Array.from(text.replace(/^(['"])(.*)\1$/, "$2")
    .replace(/\\(?:x([0-9a-fA-F]{2})|([0-7]{1,3})|(.))/g, (escape, hex, octal, letter) => (letter ? ESCAPES[letter] ?? escape : String.fromCharCode(hex ? parseInt(hex, 16) : parseInt(octal, 8)))), (letter) => letter.charCodeAt(0)));
  const addItems = (/** @type {Value} */ target, /** @type {Value[]} */ items) => {
    if (!(target instanceof PickledSequence || target instanceof PickledCall)) throw new Unreadable("The pickle appends to what is no list.");
    for (const item of items) target.items.push(item);
  };
  const addPairs = (/** @type {Value} */ target, /** @type {Value[]} */ items) => {
    if (!(target instanceof PickledMapping || target instanceof PickledCall)) throw new Unreadable("The pickle sets items of what is no dictionary.");
    for (let i = 0; i + 1 < items.length; i += 2) target.pairs.push(items[i], items[i + 1]);
  };

  return { ENDS, Pickle  };
})();
