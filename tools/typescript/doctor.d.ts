// What the scripts of the checkpoint doctor hand to each other.

type Path = (string | number)[];

/** What a pickle describes. */
type Value = null | undefined | boolean | number | bigint | string | PickledSequence | PickledMapping | PickledGlobal | PickledCall | PickledBytes | PickledReference;
type Pickle = InstanceType<typeof doctorPickle.Pickle>;
type Pairs = Map<string | number, Value>;

type Bytes = InstanceType<typeof doctorBytes.Bytes>;
type Meter = InstanceType<typeof doctorBytes.Meter>;

interface StorageEntry {
  key: string;
  dtype: string;
  bytes: number;
  device: string;
  /** Where it begins in the file, if that is known and it is whole. */
  at?: number;
}

/** A tensor as it is made: without its name, since two names can have it. */
interface TensorForm {
  shape: number[];
  dtype: string;
  stride: number[];
  offset: number;
  storage: string | null;
  bytes: number;
  device: string;
  kind: string;
  layout: string;
  note: string;
}

interface TensorEntry extends TensorForm {
  path: Path;
  name: string;
  /** Its part of the checkpoint was not chosen. */
  missing?: boolean;
}

interface ValueEntry {
  path: Path;
  text: string;
}

/** A dictionary. */
interface GroupEntry {
  path: Path;
  role: string;
  keys: number;
  tensors: number;
  groups: number;
  detail: string;
  metadata: boolean;
}

interface GlobalEntry {
  name: string;
  verdict: string;
  runs: boolean;
}

/** How a file is in another one. */
interface Step {
  how: "gzip" | "tar";
  member?: string;
  damaged?: boolean;
}

/** What is in a file. */
interface Content {
  kind: string;
  title: string;
  age: string;
  tensors: TensorEntry[];
  storages: StorageEntry[];
  groups: GroupEntry[];
  values: ValueEntry[];
  globals: GlobalEntry[];
  metadata: [string, string][];
  problems: string[];
  truncated: boolean;
  /** The class, where the file is a whole model. */
  module: string;
  complete: boolean;
  entries: string[];
  packed: Step[];
  /** The first opcode that weights_only=True refuses, or -1. */
  operand: number;
  /** References to storages are text, which torch does not read. */
  textual: boolean;
}

interface Report extends Content {
  name: string;
  file: string;
  size: number;
  files: number;
  read: number;
  ms: number;
}

interface Finding {
  level: "danger" | "problem" | "note" | "answer";
  title: string;
  text: string;
  lines?: string;
  language?: string;
  recipe?: string;
}

type Shape = number[] | null;

/** What a second input wants, by key. */
interface Expected {
  kind: string;
  keys: Map<string, Shape>;
  partial: boolean;
  dtypes?: Map<string, string>;
}

interface Key {
  name: string;
  shape: Shape;
  dtype: string;
}

interface KeyMap {
  pairs: { from: string; to: string; how: string }[];
  rules: { old: string; new: string; count: number }[];
  shapes: { from: string; to: string; has: Shape; wants: Shape }[];
  unused: string[];
  missing: string[];
}

/** The first ones of a list, which the page shows. */
interface Shown<Entry> {
  count: number;
  first: Entry[];
}

interface Difference {
  kind: string;
  partial: boolean;
  wanted: number;
  has: number;
  confidence: { percent: number; word: string; guessed: number; single: number };
  lines: string;
  pairs: number;
  renamed: Shown<KeyMap["pairs"][number]>;
  shapes: Shown<KeyMap["shapes"][number]>;
  dtypes: Shown<{ name: string; has: string; wants: string | undefined }>;
  unused: Shown<string>;
  missing: Shown<string>;
}

/** The files, with a number of their own, and what they are compared with. */
interface Question {
  id: number;
  files: File[];
  second?: { text?: string; files?: File[] };
}

interface Answer {
  report?: Report & { findings: Finding[] };
  difference?: Difference;
  /** Why there is nothing to compare. */
  problem?: string;
}

/** Of site.js: a button says for two seconds what it did. */
declare const say: (place: Element, text: string) => void;

/** In a worker. */
declare const importScripts: (...addresses: string[]) => void;
