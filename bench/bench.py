"""What things cost on this machine: wall time and peak memory of whole commands, cold; ratios are within one run."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from spec.examples import EXAMPLES

MACHINES = (0, 3, 4, 5, 6, 7, 8, 9, 10, 11)  # seeds of random machines with 4 MiB to give
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stepdown" / "kernels"
MAIL = Path(__file__).parents[1] / "tests" / "data" / "mails" / "ten-nine-four.mail"
COMMAND = [sys.executable, "-m", "stepdown"]


def cost(*words: str) -> tuple[float, float]:
    """Return the seconds and the peak MiB of one command."""
    begun = time.perf_counter()
    child = os.posix_spawn(
        COMMAND[0],
        [*COMMAND, *words],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, _, usage = os.wait4(child, 0)
    return time.perf_counter() - begun, usage.ru_maxrss / 1024


def show(title: str, runs: int, *words: str) -> float:
    """Print the median of some runs of one command; return its seconds."""
    measured = [cost(*words) for _ in range(runs)]
    seconds = statistics.median(second for second, _ in measured)
    print(f"{title:<58}{seconds:8.2f} s {max(mib for _, mib in measured):7.0f} MiB", flush=True)
    return seconds


def mutations() -> None:
    """Print the median and the most that it takes to refute a mutation by its smallest scenario, in one process."""
    from proofs.engine.prove import Prover
    from proofs.mutations import MUTATIONS, target_of

    spent = []
    for mutation in MUTATIONS:
        target = target_of(mutation)
        begun = time.perf_counter()
        Prover(target).prove(mutation.claim)
        spent.append((time.perf_counter() - begun, mutation.name))
    middle, (most, slowest) = statistics.median(seconds for seconds, _ in spent), max(spent)
    print(f"{'smallest scenario of a mutation (median of all)':<58}{middle:8.2f} s; at most {most:.2f} s, {slowest}")


def kernels() -> None:
    """Print what the kernel's own C costs, where `make kernel-sources` has put it."""
    for version in ("6.1", "6.12"):
        tree = CACHE / f"linux-{version}"
        loop = f"{tree}/arch/arm/mm/dma-mapping.c"
        if not tree.is_dir():
            print(f"no kernel source in {tree}: make kernel-sources")
            continue
        show(f"verify {version}'s C and that it is the model (median of 5)", 5, "verify", loop, "--same-as", "patched")
        show(f"survey {version}, every file", 1, "survey", str(tree))
        show(f"review a mail against {version} (median of 3)", 3, "review", str(MAIL), "--tree", str(tree))
        runs = 100_000
        none = show("conform, one run beside the model", 1, "conform", loop, "--same-as", "patched", "--runs", "1")
        some = show(f"conform, {runs} runs", 1, "conform", loop, "--same-as", "patched", "--runs", str(runs))
        print(f"  conform: {2 * runs / (some - none):,.0f} runs a second, both data models")


def main() -> None:
    """Print the table."""
    kernels()
    patched = show("verify patched, every claim, every n (median of 5)", 5, "verify", "patched")
    single = show("verify single-pages (median of 3)", 3, "verify", "single-pages")
    before = show("verify pre-patch, every n that an int holds", 1, "verify", "pre-patch")
    four = show("verify --orders, four entries (median of 3)", 3, "verify", "--orders", "10,6,3,0")
    show("verify --orders, eleven entries (median of 3)", 3, "verify", "--orders", "10,9,8,7,6,5,4,3,2,1,0")
    print(
        f"  ratios: single-pages {single / patched:.2f}, four other orders {four / patched:.2f},"
        f" pre-patch {before / patched:.0f} times patched"
    )
    for name in EXAMPLES:
        show(f"verify {name}", 1, "verify", name)
    mutations()
    seeds = [word for seed in MACHINES for word in ("--random", str(seed))]
    show("search 1024 arrays, 4 MiB on ten states", 1, "search", "--size", "4M", *seeds)
    with tempfile.TemporaryDirectory() as folder:
        for name, counts in (("big blocks", [0] * 10 + [4096]), ("single pages only", [4194304] + [0] * 10)):
            path = os.path.join(folder, "buddyinfo")
            with open(path, "w", encoding="ascii") as state:
                state.write("Node 0, zone   Normal " + " ".join(map(str, counts)) + "\n")
            show(
                f"simulate 4 GiB less one page, 16 GiB, {name}", 1, "simulate", "--size", "4294963200", "--state", path
            )


if __name__ == "__main__":
    main()
