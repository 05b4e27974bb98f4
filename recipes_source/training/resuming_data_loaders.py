"""
How do I resume a data loader in the middle of an epoch?
========================================================

Save the position and the shuffled order with torchdata's
``StatefulDataLoader``, or choose the order yourself and skip without reading.
"""

# sphinx_gallery_tags = ["resuming", "checkpoint", "reproducibility"]
# sphinx_gallery_keywords = ["DataLoader", "torchdata", "mid-epoch", "skip batches", "skip_first_batches", "num_workers", "sampler", "IterableDataset", "streaming", "augmentation"]
# sphinx_gallery_reading_order = 100

# %%

# sphinx_gallery_fold = "A dataset that counts how often it is read, and a training step"
import logging
import multiprocessing
import os
import tempfile
import warnings
from itertools import islice

import torch
from torch.utils.data import (
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
)
from torchdata.stateful_dataloader import StatefulDataLoader

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)
warnings.filterwarnings("ignore", message="'set_vital' is deprecated")
reads = multiprocessing.get_context("fork").Value("i")  # also in workers


class Numbers(Dataset):
    def __len__(self):
        return 48

    def __getitem__(self, index):
        with reads.get_lock():
            reads.value += 1
        return index


def train_step(batch):
    pass


torch.manual_seed(0)
dataset = Numbers()

# %%
# Short answer
# ------------
#
# Use ``StatefulDataLoader`` in place of ``DataLoader``: it has a
# ``state_dict``. Save it with the model, and load it before the loop:

import os

import torch
from torchdata.stateful_dataloader import StatefulDataLoader

loader = StatefulDataLoader(dataset, batch_size=4, shuffle=True, num_workers=2)
if os.path.exists("checkpoint.pt"):
    loader.load_state_dict(torch.load("checkpoint.pt")["loader"])

for step, batch in enumerate(loader):
    train_step(batch)
    if step % 5 == 4:
        torch.save({"loader": loader.state_dict()}, "checkpoint.pt")

# %%
# The first loop after loading has the rest of the epoch, and the next one a
# whole epoch. Load the state with the same ``num_workers``.
#
# .. fold:: Who this is for
#
#    An epoch takes hours, training stops within it, and the resumed run should
#    not see the first part of the data again.
#
# .. fold:: Setup
#
#    Tried with PyTorch 2.13 and torchdata 0.11::
#
#        pip install "torch>=2.6" "torchdata>=0.11"

# %%
# Why it works
# ------------
#
# The state has the number of batches that *came out of* the loader, not of
# those that workers have prefetched, and the random state that shuffled them. A
# resumed loader gives the rest of the epoch, and the next one too:


# sphinx_gallery_fold = "Stop after 5 of 12 batches and resume, with both loaders, without and with workers"
def new_loader(way, workers):
    return way(dataset, batch_size=4, shuffle=True, num_workers=workers)


def resume(way, workers, state):
    """Return a loader and the batches that are left of its epoch."""
    loader = new_loader(way, workers)
    if way is StatefulDataLoader:
        loader.load_state_dict(state)
        return loader, iter(loader)
    torch.set_rng_state(state)
    return loader, islice(loader, 5, None)


outcomes = []
for way in (StatefulDataLoader, DataLoader):
    for workers in (0, 2):
        state = torch.get_rng_state()
        loader = new_loader(way, workers)
        batches = iter(loader)
        for _ in range(5):
            next(batches)
        if way is StatefulDataLoader:
            state = loader.state_dict()
        expected = [
            torch.cat(list(part)).tolist() for part in (batches, loader)
        ]

        torch.manual_seed(1)  # another process
        reads.value = 0
        loader, batches = resume(way, workers, state)
        rest = torch.cat(list(batches)).tolist()
        outcomes.append(reads.value)
        print(
            f"{way.__name__:<19}{workers} workers: {reads.value} samples read"
        )
        following = torch.cat(list(loader)).tolist()
        torch.testing.assert_close([rest, following], expected)

assert outcomes == [28, 28, 48, 48]

# %%
# A ``DataLoader`` has to be skipped with :func:`itertools.islice`, from the
# random state that the epoch began with
# (:ref:`sphx_glr_recipes_training_resuming_bit_exactly.py`). This gives the
# same batches too, but it reads and transforms all that it throws away: 48
# samples for the 28 that are left.
#
# Without torchdata
# -----------------
#
# Shuffle the indices yourself, from the number of the epoch, and pass those
# that are left as ``sampler``. Nothing is read twice, there is no state but two
# integers, and the number of workers can change:


def epoch_loader(epoch, done=0, workers=2, batch_size=4):
    generator = torch.Generator().manual_seed(epoch)
    order = torch.randperm(len(dataset), generator=generator).tolist()
    return DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=order[done * batch_size :],
        num_workers=workers,
    )


whole = [batch.tolist() for batch in epoch_loader(epoch=3)]
reads.value = 0
rest = [batch.tolist() for batch in epoch_loader(3, done=5, workers=0)]
print("same batches", rest == whole[5:], "and", reads.value, "samples read")

assert rest == whole[5:] and reads.value == 28
assert [b.tolist() for b in epoch_loader(epoch=4)] != whole

# %%
# What goes wrong
# ---------------
#
# **A plain** ``DataLoader`` has no state:
#
# .. diagnosis:: A plain ``DataLoader`` does not know its position.
#    :message: 'DataLoader' object has no attribute 'state_dict'
#              'DataLoader' object has no attribute 'load_state_dict'
#
#    from torchdata.stateful_dataloader import StatefulDataLoader
#
#    loader = StatefulDataLoader(dataset, batch_size=4, shuffle=True)

# sphinx_gallery_wrong = True
try:
    DataLoader(dataset).state_dict()
except AttributeError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# **Another number of workers** than in the file. From 2 to 1, the error has no
# text at all. Another batch size raises nothing: the samples go on where they
# stopped, in batches of the new size.
#
# .. diagnosis:: The state was saved with another ``num_workers``.
#    :message: State doesn't contain key '{}' expected for {} dataloader
#    :fix: what-goes-wrong
#
#    loader = StatefulDataLoader(dataset, num_workers=2)  # as when saving

# sphinx_gallery_wrong = True
state = torch.load("checkpoint.pt")["loader"]  # with 2 workers
errors = []
for workers in (1, 0):
    loader = StatefulDataLoader(dataset, batch_size=4, num_workers=workers)
    try:
        loader.load_state_dict(state)
        list(loader)
    except AssertionError as error:
        errors.append(str(error))
        print(f"{type(error).__name__}: {error}")

assert errors[0] == "" and "expected for single process" in errors[1]

# %%
# **Random augmentation repeats itself.** Workers start with new random numbers
# from a seed in the state, so after resuming, the fifth sample is augmented as
# the first one was. A dataset with ``state_dict`` and ``load_state_dict`` gets
# its own state saved, one for each worker:


class Noise(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        return torch.rand(())


class StatefulNoise(Noise):
    def state_dict(self):
        return {"rng": torch.get_rng_state()}

    def load_state_dict(self, state):
        torch.set_rng_state(state["rng"])


found = []
for dataset_class in (Noise, StatefulNoise):
    loader = StatefulDataLoader(dataset_class(), batch_size=1, num_workers=1)
    batches = iter(loader)
    first = [next(batches).item() for _ in range(4)]
    state = loader.state_dict()
    rest = [batch.item() for batch in batches]

    loader = StatefulDataLoader(dataset_class(), batch_size=1, num_workers=1)
    loader.load_state_dict(state)
    resumed = [batch.item() for batch in loader]
    found.append((resumed == rest, resumed == first))
    print(f"{dataset_class.__name__:<14}as if never stopped: {resumed == rest}")

assert found == [(False, True), (True, False)]

# %%
# **A stream without state.** An ``IterableDataset`` has no indices to skip to,
# so the loader reads all of it again, and logs:
#
# .. diagnosis:: The stream has no ``state_dict``, so the loader reads all of it
#       again.
#    :message: naively fast-forwarding your dataset
#    :fix: what-goes-wrong
#
#    def state_dict(self):
#        return {"index": self.index}


class Stream(IterableDataset):
    def __iter__(self):
        for index in range(48):
            yield dataset[index]


class StatefulStream(IterableDataset):
    def __init__(self):
        self.index = 0

    def __iter__(self):
        while self.index < 48:
            self.index += 1
            yield dataset[self.index - 1]
        self.index = 0

    def state_dict(self):
        return {"index": self.index}

    def load_state_dict(self, state):
        self.index = state["index"]


# %%

# sphinx_gallery_fold = "Resume both after 5 of 12 batches"
handler = logging.Handler()
handler.emit = lambda record: print(record.getMessage())
logging.getLogger("torchdata").handlers = [handler]
counts = []
for stream in (Stream, StatefulStream):
    loader = StatefulDataLoader(stream(), batch_size=4)
    batches = iter(loader)
    for _ in range(5):
        next(batches)
    state = loader.state_dict()
    rest = torch.cat(list(batches))
    reads.value = 0
    loader = StatefulDataLoader(stream(), batch_size=4)
    loader.load_state_dict(state)
    resumed = torch.cat(list(loader))
    counts.append((torch.equal(resumed, rest), reads.value))
    print(f"{stream.__name__}: {reads.value} samples read")

assert counts == [(True, 48), (True, 28)]

# %%
# Variants
# --------
#
# **Several processes.** Each saves the state of its own loader, for the same
# number of processes. Tell the sampler the epoch before you load the state.
# (The page takes the second process of two.)


def rank_1_loader(epoch):
    sampler = DistributedSampler(dataset, num_replicas=2, rank=1)
    sampler.set_epoch(epoch)
    return StatefulDataLoader(dataset, batch_size=4, sampler=sampler)


loader = rank_1_loader(epoch=3)
batches = iter(loader)
next(batches)
state = loader.state_dict()
rest = torch.cat(list(batches))

resumed = rank_1_loader(epoch=3)
resumed.load_state_dict(state)
print("same batches", torch.equal(torch.cat(list(resumed)), rest))

assert len(rest) == 20
resumed.load_state_dict(loader.state_dict())  # of a finished epoch
assert len(torch.cat(list(resumed))) == 24

# %%
# **At the end of an epoch** the state leads to the next one, so save the number
# of the epoch that you would start with.
#
# **Libraries.** Lightning saves the state of a loader that has one. Accelerate
# makes stateful loaders with
# ``DataLoaderConfiguration(use_stateful_dataloader=True)``, and skips with
# ``skip_first_batches`` otherwise. Transformers' ``Trainer`` skips, unless
# ``ignore_data_skip=True``.

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_training_resuming_bit_exactly.py`
# - :ref:`sphx_glr_recipes_training_saving_before_preemption.py`
# - :ref:`sphx_glr_recipes_training_checkpointing_ddp_training.py`
# - `data#1437 <https://github.com/meta-pytorch/data/issues/1437>`__ on a lost
#   epoch, fixed in torchdata 0.11
# - :class:`torch.utils.data.DataLoader`, :func:`itertools.islice`
