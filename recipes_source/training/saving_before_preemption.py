"""
How do I save when SLURM or a spot machine ends my job?
=======================================================

Catch SIGTERM, finish the step, save and exit, and lose at most N steps when
SIGKILL comes without a warning.
"""

# sphinx_gallery_tags = ["saving", "resuming", "checkpoint", "distributed"]
# sphinx_gallery_keywords = ["preempted", "preemption", "SIGTERM", "SIGKILL", "signal handler", "requeue", "time limit", "spot instance", "Kubernetes", "graceful shutdown"]
# sphinx_gallery_reading_order = 90

# %%

# sphinx_gallery_fold = "The model of this page, a training step, ``save`` and ``load``"
import inspect
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import torch
import torch.distributed as dist
import torch.nn as nn
import torch.nn.functional as F
from torch.multiprocessing import start_processes
from torch.utils.data import DataLoader

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)
torch.set_num_threads(1)


def build():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    return model, torch.optim.Adam(model.parameters(), lr=0.01)


def train_step(model, optimizer, step):
    inputs = torch.randn(16, 8, generator=torch.Generator().manual_seed(step))
    optimizer.zero_grad()
    F.mse_loss(model(inputs), inputs.sum(dim=1, keepdim=True)).backward()
    optimizer.step()


def save(path, model, optimizer, step):
    parts = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(parts | {"step": step}, f"{path}.tmp")
    os.replace(f"{path}.tmp", path)


def load(path, model, optimizer):
    if not os.path.exists(path):
        return 0
    checkpoint = torch.load(path, map_location="cpu")
    model.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    return checkpoint["step"]


# %%
# Short answer
# ------------
#
# The signal handler only notes that the signal came. The loop finishes its
# step, saves and exits, and also saves every 100 steps:

import signal
import sys


def train(model, optimizer, steps):
    received = []
    signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    for step in range(load("checkpoint.pt", model, optimizer), steps):
        train_step(model, optimizer, step)
        if received or (step + 1) % 100 == 0:
            save("checkpoint.pt", model, optimizer, step + 1)
        if received:
            sys.exit(143)  # 0 would mean that the job is done


# %%
# Start the same command again, and it goes on. ``load`` and ``save``, folded
# above, are those of
# :ref:`sphx_glr_recipes_recipes_saving_and_loading_a_general_checkpoint.py`.
#
# .. fold:: Who this is for
#
#    Your job runs in a preemptible queue, with a time limit, in Kubernetes or
#    on a spot machine, and is ended in the middle of an epoch.
#
# .. fold:: Setup
#
#    Tried with PyTorch 2.13 on Linux::
#
#        pip install "torch>=2.6"

# %%
# What a scheduler has to do
# --------------------------
#
# It sends SIGTERM, waits, and sends SIGKILL, which no program can catch. The
# wait must be long enough for one step and one save. For SLURM, which waits 30
# seconds if nothing else is configured, ask for the signal 120 seconds before
# the time limit, and for another start after preemption::
#
#     #SBATCH --signal=TERM@120
#     #SBATCH --requeue
#     #SBATCH --open-mode=append
#     srun python train.py
#
# Without ``srun``, the signal goes to no one: write ``--signal=B:TERM@120`` and
# ``exec python train.py``, so that Python takes the place of the shell, in a
# container too. These are the messages of SLURM that go with it (quoted, not
# made here):
#
# .. code-block:: text
#
#     slurmstepd: error: *** STEP 1234.0 ON node1 ... DUE TO TIME LIMIT ***
#     slurmstepd: error: *** JOB 1234 ON node1 ... DUE TO PREEMPTION ***
#
# .. diagnosis:: SLURM has ended the job: let it warn your program before, and
#       start it again.
#    :message: DUE TO TIME LIMIT
#              DUE TO PREEMPTION
#    :fix: what-a-scheduler-has-to-do
#
#    #SBATCH --signal=TERM@120
#    #SBATCH --requeue

# %%
# A real SIGTERM
# --------------
#
# The page writes the functions to ``train.py``, starts it with ``torchrun``,
# and sends ``torchrun`` a SIGTERM in the middle. ``torchrun`` passes it on,
# waits for ``--shutdown-timeout`` seconds, 30 by default, and ends with an
# error. (The process number in it is replaced by 1234.)
#
# .. diagnosis:: ``torchrun`` got a SIGTERM, from a scheduler or a time limit,
#       and has passed it on to your processes.
#    :message: SignalException: Process {} got signal: 15
#
#    received = []
#    signal.signal(signal.SIGTERM, lambda number, _: received.append(number))

# sphinx_gallery_fold = "Write train.py, which prints each step, and a function that starts and ends it"
imports = """
import os
import signal
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F
"""
functions = map(inspect.getsource, [build, train_step, save, load, train])
script = "\n\n".join([imports, *functions, "train(*build(), 100_000)\n"])
Path("train.py").write_text(
    script.replace(
        "optimizer.zero_grad()",
        "print(step, flush=True)\n    optimizer.zero_grad()",
    )
)


def start_and_end(command, number):
    """Send a signal after step 130; return the last step and the error."""
    Path("checkpoint.pt").unlink(missing_ok=True)
    with subprocess.Popen(
        [sys.executable, *command.split()],
        env={**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": folder.name},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stdout:
            if line == "130\n":
                break
        process.send_signal(number)
        # communicate() would lose what the loop above has read ahead.
        last = int((line + process.stdout.read()).split()[-1])
        error = process.stderr.read().replace(str(process.pid), "1234")
    return last, error, process.returncode


# %%

torchrun = "-m torch.distributed.run --standalone train.py"
last, error, code = start_and_end(torchrun, signal.SIGTERM)
saved = torch.load("checkpoint.pt")["step"]
print("steps lost:", last + 1 - saved)
print(error.splitlines()[-1].rpartition(".")[-1])

assert last >= 130 and saved == last + 1 and code == 1
assert "SignalException: Process 1234 got signal: 15" in error

# %%
# A second process, this page, goes on from the file. The weights and the
# optimizer's state are exactly those of a run without interruption:


def goes_on_exactly(steps):
    resumed, resumed_optimizer = build()
    train(resumed, resumed_optimizer, steps)
    straight, straight_optimizer = build()
    for step in range(steps):
        train_step(straight, straight_optimizer, step)
    left = resumed.state_dict() | resumed_optimizer.state_dict()["state"]
    right = straight.state_dict() | straight_optimizer.state_dict()["state"]
    torch.testing.assert_close(left, right, rtol=0, atol=0)
    return True


same = goes_on_exactly(saved + 20)
print("goes on exactly:", same)

assert same

# %%
# A real SIGKILL
# --------------
#
# Nothing runs after a SIGKILL, as from the kernel's out-of-memory killer. The
# file of the last multiple of 100 is there, and ``os.replace`` makes sure that
# it is whole:

last, error, code = start_and_end("train.py", signal.SIGKILL)
saved = torch.load("checkpoint.pt")["step"]
print("exit code", code)
print("steps lost, less than 100:", 0 < last + 1 - saved < 100)
print("goes on exactly:", goes_on_exactly(saved + 20))

assert code == -signal.SIGKILL and not error and saved % 100 == 0
assert 0 <= last + 1 - saved < 101

# %%
# What goes wrong
# ---------------
#
# **Saving in the handler.** Python calls it between any two operations, in the
# middle of a step or of another save. Here it comes after the optimizer's
# update, before the loop counts it, so the resumed run makes that step twice:

# sphinx_gallery_wrong = True
model, optimizer = build()
step = 0
signal.signal(
    signal.SIGTERM, lambda *_: save("handler.pt", model, optimizer, step)
)
optimizer.register_step_post_hook(
    lambda *_: signal.raise_signal(signal.SIGTERM)
)
train_step(model, optimizer, step)

checkpoint = torch.load("handler.pt")
print("steps in the file: ", checkpoint["step"])
print("steps of optimizer:", int(checkpoint["optimizer"]["state"][0]["step"]))

assert checkpoint["step"] == 0
assert checkpoint["optimizer"]["state"][0]["step"] == 1

# %%
# **Workers of the data loader die first.** SLURM and terminals signal all
# processes of a job. A worker that gets a SIGTERM ends, and the loop fails,
# also with ``DataLoader worker (pid(s) 1234) exited unexpectedly``, before it
# saves. Let workers ignore the signal; they end with the main process anyway.
#
# .. diagnosis:: The workers of the data loader got the SIGTERM that was meant
#       for the job.
#    :message: is killed by signal: Terminated
#    :fix: what-goes-wrong
#
#    def ignore_sigterm(worker):
#        signal.signal(signal.SIGTERM, signal.SIG_IGN)
#    DataLoader(dataset, num_workers=4, worker_init_fn=ignore_sigterm)


def ignore_sigterm(worker):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def batches_after_sigterm(init):
    loader = DataLoader(
        range(8),
        collate_fn=list,
        num_workers=1,
        multiprocessing_context="fork",
        worker_init_fn=init,
    )
    batches = iter(loader)
    next(batches)
    (worker,) = multiprocessing.active_children()
    try:
        subprocess.run(["kill", "-TERM", str(worker.pid)])
        time.sleep(0.5)  # a long step
        return f"{len(list(batches))} more batches"
    except RuntimeError as error:
        message = f"{type(error).__name__}: {error}"
        return message.replace(str(worker.pid), "1234")


outcomes = [batches_after_sigterm(init) for init in (ignore_sigterm, None)]
print(*outcomes, sep="\n")

assert outcomes[0] == "7 more batches"
assert "is killed by signal: Terminated." in outcomes[1]

# %%
# **A handler set in a thread**, such as that of a notebook server or a worker:
#
# .. diagnosis:: Only the main thread can set a signal handler.
#    :fix: what-goes-wrong
#
#    if threading.current_thread() is threading.main_thread():
#        signal.signal(signal.SIGTERM, handler)


# sphinx_gallery_wrong = True
def set_handler():
    try:
        signal.signal(signal.SIGTERM, lambda *_: None)
    except ValueError as error:
        print(f"{type(error).__name__}: {error}")


thread = threading.Thread(target=set_handler)
thread.start()
thread.join()

assert threading.current_thread() is threading.main_thread()

# %%
# Variants
# --------
#
# **Several processes** can get the signal at different steps, or only one of
# them gets it. One that stops alone leaves the others waiting. Ask all of them
# after each step, and save as with DDP
# (:ref:`sphx_glr_recipes_training_checkpointing_ddp_training.py`):


def any_received(received):
    flag = torch.tensor(len(received))  # on GPUs: device="cuda"
    dist.all_reduce(flag)
    return flag.item() > 0


def stop_together(rank):
    group = f"file://{folder.name}/group"
    dist.init_process_group("gloo", group, rank=rank, world_size=2)
    received = []
    signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    for step in range(10):
        if rank == 1 and step == 3:  # only this process is signaled
            signal.raise_signal(signal.SIGTERM)
        if any_received(received):
            break
    Path(f"stopped{rank}").write_text(f"rank {rank} stops at step {step}")


Path("group").unlink(missing_ok=True)
start_processes(stop_together, nprocs=2, start_method="fork")
stops = [Path(f"stopped{rank}").read_text() for rank in (0, 1)]
print(*stops, sep="\n")

assert [text.split()[-1] for text in stops] == ["3", "3"]

# %%
# **A long evaluation** is a loop too: look at ``received`` there as well, or
# the time is up before the next training step.
#
# **Lightning** requeues a SLURM job on SIGUSR1, not on SIGTERM: write
# ``#SBATCH --signal=SIGUSR1@120``. **Transformers** 5 saves on SIGTERM with
# ``TrainingArguments(enable_jit_checkpoint=True)``.
#
# **A spot machine** gives notice through its metadata service first, some two
# minutes before; a small process that polls it can send the SIGTERM.

# sphinx_gallery_fold = "Restore the signal handler and leave the temporary folder"
signal.signal(signal.SIGTERM, signal.SIG_DFL)
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_troubleshooting_surviving_truncated_checkpoints.py`
# - :ref:`sphx_glr_recipes_training_resuming_bit_exactly.py`
# - `submitit#1615 <https://github.com/facebookincubator/submitit/pull/1615>`__
#   and `spd#741 <https://github.com/goodfire-ai/spd/issues/741>`__, on signals
#   that came and were not seen
# - :func:`signal.signal`, :func:`os.replace`,
#   :func:`torch.distributed.all_reduce`
