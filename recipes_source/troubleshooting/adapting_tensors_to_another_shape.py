"""
How do I load weights into layers of another shape?
===================================================

Turn a ``size mismatch`` into a load that keeps what was learned, for a larger
vocabulary, another image size, other input channels, or more classes.
"""

# sphinx_gallery_tags = ["loading", "errors", "transfer learning"]
# sphinx_gallery_keywords = ["size mismatch", "resize", "interpolate", "pos_embed", "position embedding of another size", "added tokens", "new tokens", "grayscale", "RGB", "number of channels", "fine-tune at higher resolution"]
# sphinx_gallery_reading_order = 35

# %%

# sphinx_gallery_fold = "A language model for 100 tokens in a file, and one for 102"
import os
import tempfile

import torch
import torch.nn as nn
import torch.nn.functional as F

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)


class LanguageModel(nn.Module):
    def __init__(self, tokens):
        super().__init__()
        self.embedding = nn.Embedding(tokens, 16)
        self.body = nn.Linear(16, 16)
        self.output = nn.Linear(16, tokens)

    def forward(self, x):
        return self.output(self.body(self.embedding(x)).relu())


torch.manual_seed(0)
trained = LanguageModel(tokens=100)
torch.save(trained.state_dict(), "model.pt")
model = LanguageModel(tokens=102)

# %%
# Short answer
# ------------
#
# Copy the part that both tensors have, and leave the rest as the model
# initialized it. This is right when rows were *added*, as for new tokens:

import torch

state_dict = torch.load("model.pt", map_location="cpu")
for key, new in model.state_dict().items():
    old = state_dict[key]
    if old.shape != new.shape:
        sizes = zip(old.shape, new.shape, strict=True)
        part = tuple(slice(min(pair)) for pair in sizes)
        new = new.clone()
        new[part] = old[part]
        state_dict[key] = new
model.load_state_dict(state_dict)

# %%
# To *use* a file as it is, do not adapt it. Build the model with the sizes of
# the file: ``LanguageModel(tokens=len(state_dict["embedding.weight"]))``.
#
# .. fold:: Who this is for
#
#    ``load_state_dict`` says ``size mismatch``, because you changed the
#    vocabulary, the image size, the channels or the number of classes.
#
# .. fold:: Setup
#
#    Tried with PyTorch 2.6 and 2.13; needs Python 3.10::
#
#        pip install "torch>=2.6"

# %%
# Which mismatch do I have?
# -------------------------
#
# The message has the shape in the file first, then the one in the model.
# (Before PyTorch 0.4 it was ``While copying the parameter named``, and the
# model came first.)
#
# .. diagnosis:: The model has a layer of another size than the file.
#    :message: size mismatch for {}
#              the parameter named {}, whose dimensions in the model are
#    :except: an exception occurred
#
#    for key, new in model.state_dict().items():
#        if key in state_dict and new.shape != state_dict[key].shape:
#            print(key, state_dict[key].shape, new.shape)
#
# .. diagnosis:: The vocabulary of the file has another size, as after adding
#       tokens.
#    :message: size mismatch for {}embed_tokens.weight
#              size mismatch for {}word_embeddings.weight
#              size mismatch for {}lm_head.weight
#              size mismatch for {}embedding.weight
#              size mismatch for {}wte.weight
#    :fix: a-larger-vocabulary
#
#    model.resize_token_embeddings(len(tokenizer))  # before loading
#
# .. diagnosis:: The file is from a model with one input channel less, as RGB
#       before RGBD.
#    :message: size mismatch for {key:conv1.weight}: {}, 3, {}([{}, 4,
#    :fix: other-input-channels
#
#    import torch.nn.functional as F
#    weight = state_dict["{key}"]
#    state_dict["{key}"] = F.pad(weight, (0, 0, 0, 0, 0, 1))
#
# .. diagnosis:: The file is from a model for RGB images, and yours takes gray
#       ones.
#    :message: size mismatch for {key:conv1.weight}: {}, 3, {}([{}, 1,
#    :fix: other-input-channels
#
#    weight = state_dict["{key}"]
#    state_dict["{key}"] = weight.sum(dim=1, keepdim=True)
#
# .. diagnosis:: The model is for another image size, so the grid of positions
#       differs.
#    :message: size mismatch for {key:pos_embed|positional_embedding}:
#    :fix: another-image-size
#
#    new = model.state_dict()["{key}"]
#    state_dict["{key}"] = resize_positions(state_dict["{key}"], new)

file = torch.load("model.pt", map_location="cpu")
try:
    LanguageModel(tokens=102).load_state_dict(file)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

same = LanguageModel(tokens=len(file["embedding.weight"]))
same.load_state_dict(file)

# %%
# ========================= ==========================================
# what differs              what to do
# ========================= ==========================================
# ``embed``, more tokens    copy the rows, as above
# ``fc``, other classes     match the rows by name
# ``pos_embed``             interpolate the grid
# ``conv1``, channels       add up, or fill with zeros
# ``[8, 4]``, ``[4, 8]``    ``.t()``: GPT-2 stores it transposed
# ``[8, 4, 1, 1]``          ``.view(8, 4)``: a 1x1 convolution
# ``[0]`` in the file       weights are not in it: DeepSpeed ZeRO-3
# ``[16, 1]`` in the file   quantized: quantize the model first
# everything                build the model as it was trained
# ========================= ==========================================
#
# A larger vocabulary
# -------------------
#
# For the 100 old tokens, the model computes what it computed before. The two
# new rows are random until they are trained:

tokens = torch.arange(100)
print("output:", tuple(model(tokens).shape))
torch.testing.assert_close(model(tokens)[:, :100], trained(tokens))

# %%
# If the *file* has more rows, the model was built with too few. In Hugging Face
# libraries, ``model.resize_token_embeddings(len(tokenizer))`` before loading
# gives it the added tokens, for adapters too.
#
# Another image size
# ------------------
#
# A vision transformer learns one vector for each patch of a grid, after those
# of the class token. Interpolate the grid; row by row, each vector would end up
# at another place:


def resize_positions(old, new, extra=1):
    """Resize a square grid to the size of *new*; keep *extra* tokens."""
    side = round((old.shape[1] - extra) ** 0.5)
    size = round((new.shape[1] - extra) ** 0.5)
    grid = old[:, extra:].unflatten(1, (side, side)).permute(0, 3, 1, 2)
    grid = F.interpolate(
        grid.float(), size=(size, size), mode="bicubic", antialias=True
    )
    grid = grid.permute(0, 2, 3, 1).flatten(1, 2).to(old.dtype)
    return torch.cat([old[:, :extra], grid], dim=1)


def wave(side):
    """Return what a trained model might have: waves in both directions."""
    place = 3 * (torch.arange(side) + 0.5) / side
    grid = [place.sin().expand(side, side), place.cos().expand(side, side).t()]
    grid = torch.stack(grid, dim=-1).flatten(0, 1)
    return torch.cat([torch.ones(1, 2), grid]).unsqueeze(0)


old, new = wave(14), wave(24)
resized = resize_positions(old, new)
print("shape", tuple(old.shape), "->", tuple(resized.shape))
print(f"interpolated: off by {(resized - new).abs().mean():.3f}")
print(f"row by row:   off by {(old - new[:, :197]).abs().mean():.3f}")

assert (resized - new).abs().mean() < 0.005
assert (old - new[:, :197]).abs().mean() > 0.3
assert torch.equal(resized[:, :1], old[:, :1])
torch.testing.assert_close(resize_positions(old, old), old)
assert resize_positions(old.half(), new).dtype == torch.float16

# %%
# Use ``extra=0`` for a model without class token, ``extra=2`` for DeiT's two.
# The position embeddings of *text* are rows that are added at the end, as in
# the short answer; those past the old length have to be trained.
#
# Other input channels
# --------------------
#
# One gray channel in place of three: add up the weights, and a gray image gives
# what it gave as RGB. A fourth channel starts with zeros, and changes nothing
# until it is trained:

rgb = nn.Conv2d(3, 64, 7)
weight = rgb.weight.detach()
gray, depth = nn.Conv2d(1, 64, 7), nn.Conv2d(4, 64, 7)
gray.load_state_dict(
    {"weight": weight.sum(dim=1, keepdim=True), "bias": rgb.bias}
)
padded = F.pad(weight, (0, 0, 0, 0, 0, 1))  # at the end of the channels
depth.load_state_dict({"weight": padded, "bias": rgb.bias})

image = torch.rand(2, 1, 16, 16)
torch.testing.assert_close(gray(image), rgb(image.expand(-1, 3, -1, -1)))
image = torch.rand(2, 4, 16, 16)
torch.testing.assert_close(depth(image), rgb(image[:, :3]))
depth(image).sum().backward()
assert depth.weight.grad[:, 3].abs().sum() > 0

# %%
# Other classes
# -------------
#
# A class that both models know keeps its row, wherever that is. Compare names,
# not numbers: by number, ``bird`` would get the weights of ``cat``.

before, after = ["cat", "dog", "car"], ["bird", "dog", "cat"]
old_head, head = nn.Linear(16, 3), nn.Linear(16, 3)
known = [name for name in after if name in before]
with torch.no_grad():
    for name in known:
        row, source = after.index(name), before.index(name)
        head.weight[row] = old_head.weight[source]
        head.bias[row] = old_head.bias[source]

x = torch.rand(5, 16)
torch.testing.assert_close(head(x)[:, [2, 1]], old_head(x)[:, [0, 1]])
assert known == ["dog", "cat"] and before.index("cat") == after.index("bird")

# %%
# If no class is left, leave the head out:
# :ref:`sphx_glr_recipes_recipes_warmstarting_model_using_parameters_from_a_different_model.py`.
#
# What goes wrong
# ---------------
#
# **Same numbers, other order.** ``view`` and ``reshape`` accept a transposed
# matrix, and mix up its weights:

# sphinx_gallery_wrong = True
linear = nn.Linear(4, 8)
transposed = linear.weight.detach().t().contiguous()  # [4, 8], as in GPT-2
mixed = transposed.view(8, 4)
print("view:", torch.equal(mixed, linear.weight))
print("t():", torch.equal(transposed.t(), linear.weight))

assert not torch.equal(mixed, linear.weight)
assert torch.equal(transposed.t(), linear.weight)

# %%
# **An optimizer** has averages in the old shape, and fails in its next step:
# start with a new one, or see
# :ref:`sphx_glr_recipes_training_matching_optimizer_state_to_parameters.py`.
#
# **No weights in the file.** DeepSpeed ZeRO-3 saves tensors of size 0, unless
# ``stage3_gather_16bit_weights_on_model_save`` is set; its ``zero_to_fp32.py``
# makes a file of the parts. PyTorch says:
#
# .. diagnosis:: DeepSpeed ZeRO-3 saved the model in parts, so the file has no
#       weights.
#    :message: copying a param with shape torch.Size([0]) from checkpoint
#    :fix: what-goes-wrong
#
#    python zero_to_fp32.py . model.pt

try:
    linear.load_state_dict({"weight": torch.empty(0), "bias": torch.empty(0)})
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

# %%

# sphinx_gallery_fold = "Checks of the short answer, and the end of the temporary folder"


def fit(state_dict, model):
    """Do what the short answer does."""
    for key, new in model.state_dict().items():
        old = state_dict[key]
        if old.shape != new.shape:
            sizes = zip(old.shape, new.shape, strict=True)
            part = tuple(slice(min(pair)) for pair in sizes)
            new = new.clone()
            new[part] = old[part]
            state_dict[key] = new
    model.load_state_dict(state_dict)
    return model


tied = LanguageModel(102)
tied.output.weight = tied.embedding.weight
initial = tied.embedding.weight[100:].clone()
tied_file = trained.state_dict()
tied_file["output.weight"] = tied_file["embedding.weight"]
fit(dict(tied_file), tied)
assert torch.equal(tied.output.weight[100:], initial)
assert torch.equal(tied.output.weight[:100], trained.embedding.weight)
assert tied.output.weight is tied.embedding.weight

smaller = fit(trained.state_dict(), LanguageModel(90))
torch.testing.assert_close(smaller(tokens[:90]), trained(tokens[:90])[:, :90])
half = {key: value.half() for key, value in trained.state_dict().items()}
assert fit(half, LanguageModel(102)).embedding.weight.dtype == torch.float32
failures = []
for broken in (
    {},
    {**trained.state_dict(), "extra": torch.ones(1)},
    {**trained.state_dict(), "body.bias": torch.ones(16, 1)},
):
    try:
        fit(broken, LanguageModel(102))
    except (KeyError, RuntimeError, ValueError) as error:
        failures.append(type(error).__name__)
assert failures == ["KeyError", "RuntimeError", "ValueError"]

convolution = nn.Conv2d(4, 8, 1, bias=False)
linear = nn.Linear(4, 8, bias=False)
linear.weight.data = convolution.weight.detach().view(8, 4)
pixel = torch.rand(1, 4, 1, 1)
torch.testing.assert_close(
    convolution(pixel).flatten(), linear(pixel.flatten())
)

os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_recipes_warmstarting_model_using_parameters_from_a_different_model.py`
# - :ref:`sphx_glr_recipes_troubleshooting_knowing_what_strict_false_does.py`
# - :ref:`sphx_glr_recipes_training_matching_optimizer_state_to_parameters.py`
# - `vision#751 <https://github.com/pytorch/vision/issues/751>`__ on four input
#   channels,
#   `unsloth#237 <https://github.com/unslothai/unsloth/issues/237>`__ on added
#   tokens,
#   `semantic-segmentation-pytorch#50
#   <https://github.com/CSAILVision/semantic-segmentation-pytorch/issues/50>`__
#   on the old message
# - :func:`torch.nn.functional.interpolate`
