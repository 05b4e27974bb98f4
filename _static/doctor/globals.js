// The classes, functions and opcodes that `torch.load(weights_only=True)` accepts without being asked
// to, and the modules of which it accepts nothing. A test compares them with torch's own.
"use strict";
const doctorGlobals = (() => {
  const types = (/** @type {string} */ prefix, /** @type {string} */ names, /** @type {string} */ ending) => names.split(" ").map((name) => `${prefix}${name}${ending}`);
  const plain = "BFloat16 Byte Char Double Float Half Int Long Short";
  const more = `${plain} Bool ComplexDouble ComplexFloat`;
  const allowed = new Set([
    "_codecs.encode", "builtins.bytearray", "builtins.complex", "builtins.set", "collections.Counter", "collections.OrderedDict",
    "torch.nn.parameter.Parameter", "torch.serialization._get_layout", "torch._tensor._rebuild_from_type_v2",
    "torch.storage.TypedStorage", "torch.storage.UntypedStorage",
    ...types("torch._utils._rebuild_", "device_tensor_from_cpu_tensor device_tensor_from_numpy meta_tensor_no_storage nested_tensor parameter parameter_with_state qtensor sparse_tensor tensor tensor_v2 tensor_v3 wrapper_subclass", ""),
    ...types("torch.", `${more} QInt32 QInt8 QUInt2x4 QUInt4x2 QUInt8`, "Storage"),
    ...types("torch.cuda.", more, "Storage"),
    ...types("torch.", `${plain} Bool`, "Tensor"),
    ...types("torch.cuda.", `${plain} Bool`, "Tensor"),
    ...types("torch.sparse.", plain, "Tensor"),
    ...types("torch.cuda.sparse.", plain, "Tensor"),
    ...types("torch.", "Size Tensor device per_channel_affine per_channel_affine_float_qparams per_channel_symmetric per_tensor_affine per_tensor_symmetric", ""),
    ...types("torch.", "bfloat16 bits16 bits1x8 bits2x4 bits4x2 bits8 bool complex128 complex32 complex64 float16 float32 float4_e2m1fn_x2 float64 float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu", ""),
    ...types("torch.", "int1 int16 int2 int3 int32 int4 int5 int6 int64 int7 int8 qint32 qint8 quint2x4 quint4x2 quint8 uint1 uint16 uint2 uint3 uint32 uint4 uint5 uint6 uint64 uint7 uint8", ""),
  ]);
  /** The opcodes that it reads, all others are refused: those of protocol 2, as Python writes it. */
  const operands = new Set([..."(.NG}]JKMXUtRuaesbcqrhjQ)"].map((letter) => letter.charCodeAt(0)).concat([0x80, 0x81, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8f]));
  const blocked = new Set(["sys", "os", "posix", "nt"]);
  /** What runs whatever it is given: no checkpoint needs it. */
  const runs = /^(os|posix|nt|sys|subprocess|shutil|socket|pty|runpy|importlib|ctypes|webbrowser|code|pickle|marshal)\.|^builtins\.(eval|exec|compile|open|getattr|__import__|execfile)$/;

  /** What `weights_only=True` does with a global: "allowed", "blocked" or "refused"; `runs` if it is what an attack uses. */
  const judge = (/** @type {string} */ path) => ({
    name: path,
    verdict: allowed.has(path) ? "allowed" : blocked.has(path.slice(0, path.lastIndexOf("."))) ? "blocked" : "refused",
    runs: runs.test(path),
  });

  return { allowedGlobals: allowed, allowedOperands: operands, judge };
})();
