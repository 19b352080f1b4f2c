"""Two ranks of Lockstep beside two of PyTorch's DistributedDataParallel over Gloo, on the same cores, with the same batch a
rank: by turns, in one run, one JSON line a turn and one with the ratio of the best.

    python launch/peers/compare_ddp.py [mlp text cnn gpt]

Run it with a Python that has torch. LOCKSTEP names the program, CORES the cores (0,1), TURNS how often each side runs (2).
Both sides have one compute thread a rank and print the best of several rounds of steps: forward, backward, sum, Adam."""
import json, os, pathlib, subprocess, sys

here = pathlib.Path(__file__).resolve().parent
lockstep = os.environ.get("LOCKSTEP", str(here.parent.parent / ".build/release/lockstep"))
cores, turns = os.environ.get("CORES", "0,1"), int(os.environ.get("TURNS", "2"))
environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def run(words):
    """Runs a command on the cores; its line of JSON."""
    result = subprocess.run(["taskset", "-c", cores] + words, env=environment, stdout=subprocess.PIPE, text=True)
    lines = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    if result.returncode != 0 or not lines:
        sys.exit(f"compare_ddp: {' '.join(words)} ended with {result.returncode}")
    print(json.dumps(lines[-1]), flush=True)
    return lines[-1]["step_ms"]


for workload in sys.argv[1:] or ["mlp", "text", "cnn", "gpt"]:
    ours, theirs = [], []
    for _ in range(turns):
        ours.append(run(["mpirun", "-n", "2", "--bind-to", "core", lockstep, "bench", "train", "--workload", workload,
                         "--lanes", "1", "--no-floor", "--json"]))
        theirs.append(run([sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2",
                           str(here / "pytorch_train.py"), workload]))
    print(json.dumps({"workload": workload, "ranks": 2, "lockstep_ms": min(ours), "ddp_ms": min(theirs),
                      "of_ddp": round(min(ours) / min(theirs), 4)}), flush=True)
