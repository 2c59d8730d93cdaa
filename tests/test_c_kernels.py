"""The real files of Debian's kernels, where `make kernel-sources` has put them: every claim on the kernel's own C."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from proofs.engine.prove import Prover
from spec.c_claims import C_CLAIMS
from spec.claims import CLAIMS
from stepdown.c_target import read_target
from stepdown.verify import compared, verify

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stepdown" / "kernels"
KERNELS = Path(os.environ.get("STEPDOWN_KERNELS") or CACHE)
VERSIONS = ("6.1", "6.12")
GOOD = {"PROVED", "NOT APPLICABLE"}


def file_of(version: str, name: str) -> Path:
    path = KERNELS / f"linux-{version}" / name
    if not path.is_file():
        pytest.skip(f"no kernel source in {KERNELS}: make kernel-sources")
    return path


@pytest.mark.parametrize("single_pages", [False, True])
@pytest.mark.parametrize("version", VERSIONS)
def test_every_claim_is_proved_on_the_arm_loop_and_it_is_the_model(version: str, single_pages: bool) -> None:
    path = file_of(version, "arch/arm/mm/dma-mapping.c")
    target = read_target(f"{path}:__iommu_alloc_buffer", single_pages=single_pages)
    prover = Prover(target)
    answers = [prover.prove(name) for name in CLAIMS | C_CLAIMS] + [compared(target, "patched")]
    assert [answer for answer in answers if answer.word.value not in GOOD] == []
    assert sum(answer.word.value == "PROVED" for answer in answers) == (23 if single_pages else 24)


@pytest.mark.parametrize("version", VERSIONS)
def test_read_as_lp64_the_arm_loop_goes_wrong_from_2_to_the_40_and_2_to_the_43_bytes(version: str) -> None:
    path = file_of(version, "arch/arm/mm/dma-mapping.c")
    answer = Prover(read_target(str(path), "lp64")).prove("nothing-lost-in-conversion")
    assert answer.word.value == "REFUTED"
    assert answer.reason.startswith("2^40 bytes: ") and "array_size = count" in answer.reason
    assert "from 2^43 bytes on: " in answer.reason and "count = size" in answer.reason


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_the_sibling_in_drivers_iommu_keeps_what_it_promises_and_is_the_arm_loop_for_its_orders(version: str) -> None:
    path = file_of(version, "drivers/iommu/dma-iommu.c")
    target = read_target(f"{path}:__iommu_dma_alloc_pages", None, settings=("order_mask=0x311",))
    assert [reading.sentence.split(", ")[1] for reading in target.readings] == ["ilp32", "lp64"]
    answers = {answer.claim: answer for answer in verify(target, same_as="patched")}
    assert {name for name, answer in answers.items() if answer.word.value not in GOOD} == {"nothing-lost-in-conversion"}
    assert answers["same-as-model"].word.value == "PROVED"
    assert answers["same-as-model"].reason.startswith("not compared: the pages cleared (profile: ")
    other = read_target(f"{path}:__iommu_dma_alloc_pages", settings=("order_mask=0x301",))
    answer = compared(other, "patched")
    assert answer.word.value == "MISMATCH" and answer.scenario is not None and answer.scenario.call.n == 16


@pytest.mark.slow
@pytest.mark.parametrize("data_model", ["ilp32", "lp64"])
@pytest.mark.parametrize("version", VERSIONS)
def test_the_sibling_in_drivers_iommu_keeps_what_it_promises_for_every_mask_of_orders(
    version: str, data_model: str
) -> None:
    path = file_of(version, "drivers/iommu/dma-iommu.c")
    target = read_target(f"{path}:__iommu_dma_alloc_pages", data_model)
    assert [reading.loop.lowest_order for reading in target.readings] == list(range(11))
    every = os.environ.get("STEPDOWN_EVERY_MASK") is not None  # some minutes each
    readings = tuple(target.readings[lowest] for lowest in (range(11) if every else (8, 9, 10)))
    answers = list(verify(replace(target, readings=readings)))
    wrong = {answer.claim: answer for answer in answers if answer.word.value not in GOOD}
    known = {("6.1", "orders-deliverable"), ("lp64", "nothing-lost-in-conversion")}
    assert set(wrong) == {claim for where, claim in known if where in (version, data_model)}
    assert all(answer.word.value == "REFUTED" for answer in wrong.values())
    if (
        "orders-deliverable" in wrong
    ):  # MAX_ORDER was no order yet: a mask of the orders up to it asks for one too large
        scenario = wrong["orders-deliverable"].scenario
        assert scenario is not None and scenario.call.n == 2048
        assert scenario.call.order_mask is not None and 11 in scenario.call.order_mask


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_the_sibling_in_mm_keeps_what_it_promises_with_every_order(version: str) -> None:
    path = file_of(version, "mm/vmalloc.c")
    target = read_target(f"{path}:vm_area_alloc_pages", "lp64")
    assert len(target.readings) == 24
    answers = list(verify(target))
    assert [answer for answer in answers if answer.word.value not in GOOD] == []
    assert sum(answer.word.value == "PROVED" for answer in answers) == 15


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_the_sibling_in_drivers_iommu_holds_with_64_bit_types_up_to_a_count_that_an_int_loses(version: str) -> None:
    path = file_of(version, "drivers/iommu/dma-iommu.c")
    target = read_target(f"{path}:__iommu_dma_alloc_pages", None, settings=("order_mask=0x201",))
    assert [reading.sentence.split(", ")[1] for reading in target.readings] == ["ilp32", "lp64"]
    answers = {answer.claim: answer for answer in verify(target)}
    assert {name for name, answer in answers.items() if answer.word.value not in GOOD} == {"nothing-lost-in-conversion"}
    lost = answers["nothing-lost-in-conversion"]
    assert lost.word.value == "REFUTED" and lost.reason.startswith("read from C, lp64: n = 2147483649")
