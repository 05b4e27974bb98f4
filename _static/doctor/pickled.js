// What a pickle describes, in place of the objects that unpickling would make.
"use strict";
/** A list, tuple, set or frozenset. */
class PickledSequence {
  constructor(/** @type {string} */ kind, /** @type {Value[]} */ items) { this.kind = kind; this.items = items; }
}
class PickledMapping {
  constructor() { /** @type {Value[]} */ this.pairs = []; } // key, value, key, value, …
}
/** A class or function, by name. */
class PickledGlobal {
  constructor(/** @type {string} */ module, /** @type {string} */ name) { this.path = `${module}.${name}`; }
}
/** An object that unpickling would make: what it would call, with which arguments, and what it would set. */
class PickledCall {
  constructor(/** @type {Value} */ callee, /** @type {Value} */ args) {
    this.callee = callee;
    this.args = args instanceof PickledSequence ? args.items : [args];
    /** @type {Value} */ this.state = undefined;
    /** @type {Value[]} */ this.items = [];
    /** @type {Value[]} */ this.pairs = [];
  }

  /** Of what it is: the class, also where protocols 0 and 1 make the object by a function. */
  get path() {
    const path = this.callee instanceof PickledGlobal ? this.callee.path : "";
    return path === "copyreg._reconstructor" && this.args[0] instanceof PickledGlobal ? this.args[0].path : path;
  }
}
/** Bytes, of which only the first are kept. */
class PickledBytes {
  constructor(/** @type {number} */ length, /** @type {Uint8Array} */ head) { this.length = length; this.head = head; }
}
/** What is elsewhere in the file, a storage. */
class PickledReference {
  constructor(/** @type {Value} */ id) { this.id = id; }
}
