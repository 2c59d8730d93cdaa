"""The review of a patch mail, end to end, on a tree of our own."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from difflib import unified_diff
from email.message import EmailMessage
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest

from proofs.engine.beside import all_beside
from proofs.engine.verdict import Answer
from proofs.engine.words import Word
from proofs.worst_case import WorstCase
from stepdown import review_report
from stepdown.mail import MOST_BYTES, BadMail, mails
from stepdown.message_numbers import NOT_CHECKABLE, REFUTED, REPRODUCED, calculated, numbers, sizes
from stepdown.patches import BadPatch, Change, applied, parsed
from stepdown.review import Fate, LoopReview, changed_loops, reviews
from tests.test_cli import refused, stepdown

MUTATED = 2_000  # mails; 100,000 were tried by hand
ARRAY = "static const int sizes_tried[] = { 9, 8, 4, 0 };"
SCHEMA = Path(review_report.__file__).with_name("review.schema.json")
PATH = "arch/arm/mm/dma-mapping.c"
PATCHED = Path(__file__).parent / "data" / "c" / "patched.c"
MAIL = """\
From: A Developer <a@example.org>
Date: Mon, 23 Nov 2026 10:00:00 +0000
Subject: [PATCH] ARM: dma-mapping: {subject}

{message}

---
 {path} | 2 +-

diff --git a/{path} b/{path}
index 0123456..789abcd 100644
{diff}--
2.43.0
"""


PATIENT = ("--limit", "900")  # no answer depends on how busy the machine is


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / PATH).parent.mkdir(parents=True)
    (tmp_path / PATH).write_bytes(PATCHED.read_bytes())
    return tmp_path


def mail(tree: Path, old: str, new: str, message: str = "Say why.") -> Path:
    before = (tree / PATH).read_text()
    assert old in before
    return mail_of(tree, before, before.replace(old, new), message)


def mail_of(tree: Path, before: str, after: str, message: str = "Say why.") -> Path:
    """Return a patch from one text of the file to another; "" is no file. The tree is left with ``before``."""
    (tree / PATH).write_text(before)
    if not before:
        (tree / PATH).unlink()
    old, new = f"a/{PATH}" if before else "/dev/null", f"b/{PATH}" if after else "/dev/null"
    diff = "".join(unified_diff(before.splitlines(True), after.splitlines(True), old, new))
    told = MAIL.format(subject="change it", message=message, path=PATH, diff=diff)
    if not (before and after):
        told = told.replace("index ", f"{'deleted' if before else 'new'} file mode 100644\nindex ", 1)
    path = tree / "patch.mail"
    path.write_text(told)
    return path


def changes(data: bytes, tree: Path) -> list[Change]:
    """Return the files that the mails in ``data`` change, in order."""
    already: dict[str, bytes] = {}
    return [one for each in mails(data) for one in applied(parsed(each.diff), tree, already)]


def changed(data: bytes, tree: Path) -> bytes:
    """Return the last file that the mails change, as they leave it."""
    return changes(data, tree)[-1].new


def test_another_array_loses_its_claims_and_its_numbers_are_checked(tree: Path) -> None:
    message = "Allocating 4 MiB (1024 pages) took 1027 calls, and 1 MiB (257 pages)\nwere slow, too: 3 seconds."
    path = mail(tree, "{ 9, 8, 4, 0 }", "{ 10, 9, 4 }", message)
    said = stepdown("review", str(path), "--tree", str(tree), "--format", "json", *PATIENT)
    assert said.returncode == 1, said
    jsonschema.validate(json.loads(said.stdout), json.loads(SCHEMA.read_text()))
    (patch,) = json.loads(said.stdout)["patches"]
    (loop,) = patch["loops"]
    assert loop["function"].startswith(PATH)
    lost = {claim["claim"] for claim in loop["claims"] if claim["change"] == "lost"}
    assert {"array-index-in-bounds", "orders-from-array"} <= lost
    assert "page-total" not in lost
    assert [(n["text"], n["verdict"]) for n in patch["numbers"]] == [
        ("4 MiB (1024 pages)", REPRODUCED),
        ("1 MiB (257 pages)", REFUTED),
        ("1027 calls", REPRODUCED),
        ("3 seconds", NOT_CHECKABLE),
    ]


def test_one_entry_more_is_one_pass_more_and_the_loop_still_ends(tree: Path) -> None:
    path = mail(tree, "{ 9, 8, 4, 0 }", "{ 9, 8, 4, 2, 0 }")
    said = stepdown("review", str(path), "--tree", str(tree), "--format", "json", *PATIENT)
    ((loop,),) = (patch["loops"] for patch in json.loads(said.stdout)["patches"])
    fates = {claim["claim"]: claim["change"] for claim in loop["claims"]}
    assert fates["terminates"] == fates["page-total"] == "kept"
    assert fates["attempts-bounded"] == fates["orders-from-array"] == "lost"  # as the loop before the change promised


def test_a_dropped_noretry_gets_a_reply_that_quotes_the_hunk(tree: Path) -> None:
    path = mail(tree, "gfp | __GFP_NORETRY", "gfp")
    said = stepdown("review", str(path), "--tree", str(tree), "--format", "reply", *PATIENT)
    assert said.returncode == 1, said
    lines = said.stdout.splitlines()
    assert lines[0] == "Subject: Re: [PATCH] ARM: dma-mapping: change it"
    changed = next(at for at, line in enumerate(lines) if line.startswith("> +"))
    finding = next(at for at, line in enumerate(lines) if "lost: high-orders-never-retry" in line)
    assert changed < finding
    assert [line for line in lines if len(line) > 72 and not line.startswith((">", "  stepdown review"))] == []
    assert any("stepdown review --tree" in line for line in lines)
    assert "Reviewed-by" not in said.stdout
    assert "Tested-by" not in said.stdout


def test_a_harmless_patch_keeps_all_and_offers_a_trailer_as_a_draft(tree: Path) -> None:
    path = mail(tree, "int count = size >> PAGE_SHIFT,", "int count = size >> PAGE_SHIFT /* whole */,")
    said = stepdown("review", str(path), "--tree", str(tree), "--format", "reply", *PATIENT)
    assert said.returncode == 0, said
    assert "[Tested-by: YOUR NAME <YOUR ADDRESS>]" in said.stdout


def reviewed(path: Path, tree: Path) -> tuple[int, list[dict[str, Any]]]:
    """Return the status of a review, and what it says of each loop; the JSON is as its schema says."""
    said = stepdown("review", str(path), "--tree", str(tree), "--format", "json", *PATIENT)
    assert not said.stderr, said.stderr
    told = json.loads(said.stdout)
    jsonschema.validate(told, json.loads(SCHEMA.read_text()))
    return said.returncode, told["patches"][0]["loops"]


def claims_by_change(loop: dict[str, Any]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for claim in loop["claims"]:
        found.setdefault(claim["change"], set()).add(claim["claim"])
    return found


def test_a_loop_in_a_new_file_is_proved_and_its_costs_are_told(tree: Path) -> None:
    path = mail_of(tree, "", PATCHED.read_text())
    status, (loop,) = reviewed(path, tree)
    assert (status, loop["change"], loop["verdict"]) == (0, "added", "proved")
    claims = claims_by_change(loop)
    assert set(claims) == {"proved", "not applicable"}
    assert {"terminates", "rollback-exact", "nothing-overflows"} <= claims["proved"]
    assert {(one["old"], "PROVED" in one["new"]) for one in loop["worst"]} == {(None, True)}
    assert set(loop["attempts"]) == {
        "attempts after the patch, blocks refused",
        "attempts after the patch, all granted",
    }
    assert not (tree / PATH).exists()


def test_a_loop_that_is_added_and_breaks_claims_is_refuted_with_the_smallest_run(tree: Path) -> None:
    text = PATCHED.read_text()
    bad = (
        text.replace("sizes_tried", "others_tried")
        .replace("*fill(", "*other_fill(")
        .replace("{ 9, 8, 4, 0 }", "{ 9, 4 }")
    )
    path = mail_of(tree, text, text + bad)
    said = stepdown("review", str(path), "--tree", str(tree), "--format", "reply", *PATIENT)
    assert said.returncode == 1, said
    lines = said.stdout.splitlines()
    assert "the patch adds this loop" in lines
    assert f"{PATH}:other_fill:" in lines
    assert any(line.startswith("refuted: ") and "array-index-in-bounds" in line for line in lines)
    assert any("the smallest run that breaks it:" in line for line in lines)
    assert any(line.startswith("worst case of each cost (b") for line in lines)
    assert not any("before" in line for line in lines)
    assert "> +static const int others_tried[] = { 9, 4 };" not in lines, "the function's own lines are quoted"
    assert [line for line in lines if len(line) > 72 and not line.startswith((">", "  stepdown review"))] == []
    assert "Tested-by" not in said.stdout


def test_a_loop_that_is_removed_is_gone_and_loses_nothing(tree: Path) -> None:
    path = mail_of(tree, PATCHED.read_text(), "int nothing_left;\n")
    (review,) = reviews(mails(path.read_bytes()), tree, limit=900)
    assert review_report.status([review]) == 0
    said = "\n".join(review_report.text(review))
    assert "1 file, 1 loop removed" in said
    assert re.search(r"the patch removes this loop: \d\d claims proved of it, 0 refuted$", said, re.MULTILINE)
    assert "lost" not in said
    told = review_report.as_dict([review])
    jsonschema.validate(told, json.loads(SCHEMA.read_text()))
    (loop,) = told["patches"][0]["loops"]
    assert (loop["verdict"], loop["worst"]) == ("gone", [])
    assert {(claim["change"], claim["new"]) for claim in loop["claims"]} == {("gone", None)}


def test_a_loop_that_is_renamed_is_compared_with_what_it_was(tree: Path) -> None:
    text = PATCHED.read_text()
    path = mail_of(tree, text, text.replace("*fill(", "*refill(").replace("gfp | __GFP_NORETRY", "gfp"))
    status, (loop,) = reviewed(path, tree)
    assert (status, loop["change"], loop["old_name"], loop["verdict"]) == (1, "renamed", "fill", "lost")
    assert loop["function"] == f"{PATH}:refill"
    assert "high-orders-never-retry" in claims_by_change(loop)["lost"]


def test_a_loop_that_cannot_be_read_is_unknown_where_it_is_added_and_gone_where_it_is_removed(tree: Path) -> None:
    text = PATCHED.read_text().replace("which = 0;", 'which = 0; asm volatile("");')
    status, (loop,) = reviewed(mail_of(tree, "", text), tree)
    assert (status, loop["verdict"]) == (3, "unknown")
    assert loop["not_judged"].startswith(f"{PATH}:6: ")
    status, (loop,) = reviewed(mail_of(tree, text, ""), tree)
    assert (status, loop["verdict"]) == (0, "gone")


def test_one_loop_removed_and_one_added_are_one_renamed_and_more_are_told_apart() -> None:
    text = PATCHED.read_text()
    one, two, three = (text.replace("*fill(", f"*{name}(").replace("tried", name) for name in ("one", "two", "three"))

    def pairs(old: str, new: str) -> list[tuple[str, str, str]]:
        return [(pair.how, pair.was, pair.name) for pair in changed_loops(Change("a.c", old.encode(), new.encode()))]

    assert pairs(one, two) == [("renamed", "one", "two")]
    assert pairs(one, one + two) == [("added", "", "two")]
    assert pairs(one + two, two) == [("removed", "one", "")]
    assert pairs(one, two + three) == [("removed", "one", ""), ("added", "", "two"), ("added", "", "three")]
    assert pairs(one, one) == []


def test_what_one_side_tells_is_taken_though_the_other_is_late() -> None:
    more_than_a_pipe_holds = ["x" * 100_000] * 3

    def late() -> Iterator[str]:
        time.sleep(60)
        yield "too late"

    assert all_beside([late, lambda: more_than_a_pipe_holds], 1) == [[], more_than_a_pipe_holds]


def test_rejects_a_patch_that_creates_a_file_of_the_tree(tree: Path) -> None:
    path = mail_of(tree, "", PATCHED.read_text())
    (tree / PATH).write_text("int one;\n")
    assert "creates it, and it is in the tree" in refused("review", str(path), "--tree", str(tree))


def test_a_patch_of_something_else_changes_no_loop(tree: Path) -> None:
    (tree / "other.c").write_text("int one;\n")
    diff = "--- a/other.c\n+++ b/other.c\n@@ -1 +1 @@\n-int one;\n+int two;\n"
    path = tree / "patch.mail"
    path.write_text(MAIL.format(subject="other", message="m", path="other.c", diff=diff))
    said = stepdown("review", str(path), "--tree", str(tree), *PATIENT)
    assert said.returncode == 0
    assert "no loop that asks for blocks of a varying order is changed" in said.stdout
    assert (tree / "other.c").read_text() == "int one;\n"


def test_rejects_what_is_no_patch_for_this_tree(tree: Path) -> None:
    good = mail(tree, "{ 9, 8, 4, 0 }", "{ 10, 9, 4 }").read_text()
    path = tree / "bad.mail"
    for text, why in (
        ("hello\n", "no patch in it"),
        ("a\0b", "NUL"),
        (good.replace("{ 9, 8, 4, 0 }", "{ 9, 8, 5, 0 }"), "does not apply"),
        (good.replace("+static", " static"), "mangled by a mailer or archive: hunk 1"),
        (good[: good.index("+++ ")], "cut off"),
        (good.replace(f"/{PATH}", "/../../etc/passwd.c"), "leaves the tree"),
    ):
        path.write_text(text)
        assert why in refused("review", str(path), "--tree", str(tree))
    assert "no such directory" in refused("review", str(path), "--tree", str(tree / "none"))
    assert "no such file" in refused("review", str(tree / "none"), "--tree", str(tree))


def test_every_form_of_a_mail_gives_the_same_change(tree: Path) -> None:
    text = mail(tree, "{ 9, 8, 4, 0 }", "{ 10, 9, 4 }", "Größer.").read_text()
    head, body = text.split("\n\n", 1)
    plain = changed(text.encode(), tree)
    assert b"{ 10, 9, 4 }" in plain
    for encoding in ("quoted-printable", "base64", "8bit"):
        message = EmailMessage()
        message["Subject"] = "[PATCH] it"
        message.set_content(body, cte=encoding)
        assert changed(message.as_bytes(), tree) == plain, encoding
        assert changed(message.as_bytes().replace(b"\n", b"\r\n"), tree) == plain, encoding
    attached = EmailMessage()
    attached["Subject"] = "see the attachment"
    attached.set_content("Hello,\nhere it is.\n")
    attached.add_attachment(text.encode(), maintype="application", subtype="octet-stream", filename="0001-it.patch")
    quoted = head + "\n\nA Developer wrote:\n" + "".join(f"> {line}".rstrip(" ") for line in body.splitlines(True))
    for form in (attached.as_bytes(), quoted.encode(), text[text.index("diff --git") :].encode()):
        assert changed(form, tree) == plain


def test_a_series_is_applied_in_the_order_of_its_numbers(tree: Path) -> None:
    first = mail(tree, "{ 9, 8, 4, 0 }", "{ 9, 4, 0 }").read_text().replace("[PATCH]", "[PATCH 1/2]")
    (tree / PATH).write_text((tree / PATH).read_text().replace("{ 9, 8, 4, 0 }", "{ 9, 4, 0 }"))
    second = mail(tree, "{ 9, 4, 0 }", "{ 4, 0 }").read_text().replace("[PATCH]", "[PATCH 2/2]")
    (tree / PATH).write_bytes(PATCHED.read_bytes())
    begin = "From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\n"
    cover = "From: A <a@example.org>\nSubject: [PATCH 0/2] all of it\n\nNo change in here.\n"
    assert b"{ 4, 0 }" in changed("".join(begin + one for one in (cover, second, first)).encode(), tree)


def test_a_file_that_an_earlier_patch_deletes_is_not_there_for_the_next(tree: Path) -> None:
    (tree / "gone.c").write_text("int a;\n")
    gone = "--- a/gone.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-int a;\n"
    again = "--- a/gone.c\n+++ b/gone.c\n@@ -1 +1 @@\n-int a;\n+int b;\n"
    already: dict[str, bytes] = {}
    assert [change.new for change in applied(parsed(gone), tree, already)] == [b""]
    with pytest.raises(BadPatch, match="does not apply"):
        list(applied(parsed(again), tree, already))


@pytest.mark.parametrize("word", ["lost", "unknown", "kept"])
def test_a_cost_that_is_not_proved_is_unknown_unless_a_claim_is_lost(word: str) -> None:
    held, broken = Answer("page-total", Word.PROVED), Answer("page-total", Word.REFUTED)
    cost = WorstCase("attempts", Word.UNKNOWN, reason="too late")
    fate = Fate("page-total", held, broken if word == "lost" else held)
    loop = LoopReview("a.c:f", "changed", [], fates=[fate], costs=[] if word == "kept" else [(cost, cost)])
    assert loop.word == word


def test_a_file_that_moves_and_files_that_are_no_c_are_taken_as_they_are(tree: Path) -> None:
    (tree / "Makefile").write_text("obj-y := a.o\n")
    diff = (
        "diff --git a/Makefile b/Makefile\n--- a/Makefile\n+++ b/Makefile\n@@ -1 +1 @@\n-obj-y := a.o\n+obj-y := b.o\n"
        f"diff --git a/{PATH} b/arch/arm/mm/moved.c\nsimilarity index 100%\nrename from {PATH}\n"
        "rename to arch/arm/mm/moved.c\n"
    )
    assert changed(f"Subject: [PATCH] move\n\n---\n{diff}".encode(), tree) == PATCHED.read_bytes()
    moved = diff + f"--- a/{PATH}\n+++ b/arch/arm/mm/moved.c\n@@ -2 +2 @@\n-{ARRAY}\n+{ARRAY.replace('8, ', '')}\n"
    assert b"{ 9, 4, 0 }" in changed(f"Subject: [PATCH] move\n\n---\n{moved}".encode(), tree)


def test_a_hunk_that_moved_is_found_and_said_and_one_that_fits_twice_is_refused(tree: Path) -> None:
    path = mail(tree, "{ 9, 8, 4, 0 }", "{ 10, 9, 4 }")
    (tree / PATH).write_bytes(b"int before;\n" * 7 + PATCHED.read_bytes())
    ((_, notes),) = [(one.new, one.notes) for one in changes(path.read_bytes(), tree)]
    assert notes == [f"{PATH}: the hunk at line 1 applies +7 lines off"]
    with pytest.raises(BadPatch, match="no context"):
        changes(f"--- a/{PATH}\n+++ b/{PATH}\n@@ -3,0 +4 @@\n+int more;\n".encode(), tree)
    (tree / PATH).write_bytes((b"int before;\n" + PATCHED.read_bytes()) * 2)
    with pytest.raises(BadPatch, match="does not apply"):
        changes(path.read_bytes(), tree)


def test_an_archive_that_strips_blanks_and_lines_is_told_hunk_by_hunk(tree: Path) -> None:
    text = mail(tree, "{ 9, 8, 4, 0 }", "{ 9, 4, 0 }").read_text()
    head, diff = text.split("@@ -", 1)
    stripped = head + "@@ -" + "\n".join(line.lstrip(" \t") for line in diff.split("\n") if line.strip())
    with pytest.raises(BadPatch, match=r"hunk 1 .* lines without|of them without their first blank") as told:
        changes(stripped.encode(), tree)
    assert "ask for the original" in str(told.value)
    fewer = re.sub(r"@@ -1,(\d+)", lambda found: f"@@ -1,{int(found[1]) + 1}", text)
    with pytest.raises(BadPatch, match=r"promises 6 old and 5 new lines and has 5 and 5;"):
        changes(fewer.replace("--\n2.43.0\n", "").encode(), tree)


def test_hostile_mails_end_in_one_line(tree: Path) -> None:
    good = mail(tree, "{ 9, 8, 4, 0 }", "{ 10, 9, 4 }").read_bytes()
    outside = tree.parent / "outside.c"
    outside.write_text("int secret;\n")
    (tree / "link.c").symlink_to(outside)
    diff = "--- a/{0}\n+++ b/{0}\n@@ -1 +1 @@\n-int secret;\n+int two;\n"
    for data, why in (
        (b"x" * (MOST_BYTES + 1), "no mail above"),
        (("From a@b Mon Jan  1 00:00:00 2024\nSubject: x\n\n" * 300).encode(), "more than 200 mails"),
        ((diff.format("x.c") + "@@ -1 +1 @@\n" * 6000).encode(), "more than 5000 hunks"),
        (diff.format("/etc/passwd.c").encode(), "leaves the tree"),
        (diff.format("link.c").encode(), "leaves the tree"),
        (diff.format("none.c").encode(), "none.c"),
        (good.replace(b"@@ -1,", b"@@ -1,999999999999"), "mangled"),
    ):
        with pytest.raises((BadMail, BadPatch)) as told:
            changes(data, tree)
        assert why in str(told.value), data[:80]
        assert "\n" not in str(told.value)


def test_no_mutated_mail_ends_in_anything_but_a_change_or_one_line(tree: Path) -> None:
    good = mail(tree, "{ 9, 8, 4, 0 }", "{ 10, 9, 4 }").read_bytes()
    random, applied_ones, refused_ones = Random(20), 0, 0
    for _ in range(MUTATED):
        data = bytearray(good)
        for _ in range(random.randrange(1, 6)):
            at, length = random.randrange(len(data)), random.randrange(12)
            data[at : at + length] = random.choice((b"", random.randbytes(length), b"@@ -", b"\n", data[at : at + 40]))
        try:
            applied_ones += len(changes(bytes(data), tree)) >= 0
        except (BadMail, BadPatch) as why:
            assert "\n" not in str(why)
            refused_ones += 1
    assert applied_ones > MUTATED // 20
    assert refused_ones > MUTATED // 20


def the_2016_patch(tree: Path) -> Path:
    message = (
        "Allocating 4M (1024 pages) of fragmented memory takes\nsum(int(math.log(i, 2)) + 1 for i in range(1, 1025))\n"
        "=> 9228 calls; with this patch 1027 calls."
    )
    return mail_of(tree, PATCHED.with_name("walk.c").read_text(), PATCHED.read_text(), message)


def test_the_2016_patch_retold_reproduces_both_numbers_of_its_message(tree: Path) -> None:
    path = the_2016_patch(tree)
    said = stepdown("review", str(path), "--tree", str(tree), "--format", "json", "--limit", "1")
    (patch,) = json.loads(said.stdout)["patches"]
    told = {n["text"]: n["verdict"] for n in patch["numbers"]}
    assert (told["9228 calls"], told["1027 calls"]) == (REPRODUCED, REPRODUCED)
    assert REFUTED not in told.values()
    assert said.returncode == 3, "a loop of many paths has no answer in a second, and says so"
    assert {claim["change"] for claim in patch["loops"][0]["claims"]} >= {"unknown"}
    assert "UNKNOWN: no answer within 1 s" in {one["old"] for one in patch["loops"][0]["worst"]}


@pytest.mark.slow
def test_the_2016_patch_retold_gains_what_it_promises_and_leaves_nothing_unknown(tree: Path) -> None:
    (review,) = reviews(mails(the_2016_patch(tree).read_bytes()), tree, limit=1200)
    (loop,) = review.loops
    assert (loop.word, {fate.word for fate in loop.fates}) == ("kept", {"kept", "gained", "not applicable"})
    assert {fate.claim for fate in loop.fates if fate.word == "gained"} == {
        "orders-from-array", "orders-never-increase", "refused-order-not-asked-again", "attempts-bounded",
        "orders-deliverable", "chunk-index-aligned", "cost-after",
    }  # fmt: skip
    assert str(loop.costs[0][0]) == "(n+1)b - 2^b + 1  PROVED, tight"
    assert {cost.word.value for both in loop.costs for cost in both if cost is not None} == {"PROVED"}


def test_a_sum_is_calculated_and_nothing_else_is_run() -> None:
    assert calculated("sum(int(math.log(i, 2)) + 1 for i in range(1, 1025))") == 9228
    assert calculated("sum(2 * i for i in range(4))") == 12
    for text in (
        "sum(open('x') for i in range(3))",
        "sum(i for i in range(10 ** 9))",
        "sum(i for i in range(9999999))",
        "sum(__import__('os').getpid() for i in range(2))",
        "sum(i / 0 for i in range(2))",
        "print(1)",
        "sum([1, 2])",
    ):
        with pytest.raises(ValueError, match=r"."):
            calculated(text)


def test_the_seeds_sum_is_reproduced_and_a_wrong_one_refuted() -> None:
    text = (
        "Total number of calls for 4M (1024 pages) is:\nsum(int(math.log(i, 2)) + 1 for i in range(1, 1025))\n=> {}\n"
    )
    costs = {"attempts before": {1024: 9228}}
    assert sizes(text) == [1024]
    right = {number.text: number.word for number in numbers(text.format(9228), costs)}
    assert right["9228"] == REPRODUCED
    assert REFUTED not in right.values()
    wrong = [number.word for number in numbers(text.format(9229), costs) if "=>" in number.text]
    assert wrong == [REFUTED]
