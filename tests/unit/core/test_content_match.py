"""The verdict on a file and a bin that is drawn from sums and sizes."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifcbscan.core.bins import MISSING
from ifcbscan.core.checksums import FileSums, PartSum
from ifcbscan.core.content_match import (
    ContentMatch,
    FileVerdict,
    Proof,
    RemoteObject,
    match_content,
    match_sizes,
)

pytestmark = pytest.mark.windows_core

MIB = 1024 * 1024
MD5 = hashlib.md5(b"a file").hexdigest()
OTHER = hashlib.md5(b"another").hexdigest()

LOCAL = FileSums(6, MD5)
IN_PARTS = FileSums(6, MD5, (PartSum(4, OTHER + "-2"), PartSum(5, MD5 + "-2")))
ONE_PART = FileSums(6, MD5, (PartSum(6, OTHER + "-1"),))

TABLE = [
    ("not there", LOCAL, None, ContentMatch.MISSING, None),
    ("another size", LOCAL, RemoteObject(7, MD5), ContentMatch.SIZE, None),
    ("the MD5", LOCAL, RemoteObject(6, MD5), ContentMatch.PROVEN, Proof.MD5),
    ("the sum in parts", IN_PARTS, RemoteObject(6, MD5 + "-2"), ContentMatch.PROVEN, Proof.PARTS),
    ("read back", LOCAL, RemoteObject(6, OTHER, False, downloaded=MD5), ContentMatch.PROVEN, Proof.DOWNLOAD),
    ("read back other", LOCAL, RemoteObject(6, "?", None, downloaded=OTHER), ContentMatch.DIFFERENT, None),
    ("another MD5", LOCAL, RemoteObject(6, OTHER, True), ContentMatch.DIFFERENT, None),
    ("another MD5, or encrypted", LOCAL, RemoteObject(6, OTHER), ContentMatch.UNPROVEN, None),
    ("encrypted", LOCAL, RemoteObject(6, OTHER, False), ContentMatch.UNPROVEN, None),
    ("another single part", ONE_PART, RemoteObject(6, MD5 + "-1", True), ContentMatch.DIFFERENT, None),
    ("other parts", IN_PARTS, RemoteObject(6, MD5 + "-3", True), ContentMatch.UNPROVEN, None),
    ("no sum at all", LOCAL, RemoteObject(6, "", True), ContentMatch.UNPROVEN, None),
]


@pytest.mark.parametrize("local, remote, match, proof", [row[1:] for row in TABLE], ids=[r[0] for r in TABLE])
@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_bin_is_what_its_worst_file_is(
    local: FileSums, remote: Any, match: ContentMatch, proof: Any, position: int
) -> None:
    sums = [LOCAL, LOCAL, LOCAL]
    objects = [RemoteObject(6, MD5), RemoteObject(6, MD5), RemoteObject(6, MD5)]
    sums[position], objects[position] = local, remote
    verdict = match_content(sums, objects)
    extension = ("hdr", "adc", "roi")[position]
    assert verdict.match is match
    assert (verdict.files[position].match, verdict.files[position].proof) == (match, proof)
    assert extension in verdict.extensions(match)
    if match is not ContentMatch.PROVEN:
        assert verdict.reason.startswith(f".{extension} ") and verdict.extensions(match) == (extension,)


def test_a_different_file_is_named_with_both_sums() -> None:
    objects = [RemoteObject(6, MD5), RemoteObject(6, MD5), RemoteObject(6, OTHER, True)]
    reason = match_content([LOCAL] * 3, objects).reason
    assert reason == f".roi has other content in the archive (MD5 {OTHER}) than here ({MD5})"
    objects[2] = RemoteObject(6, "", downloaded=OTHER)
    assert match_content([LOCAL] * 3, objects).reason == reason
    objects[2] = RemoteObject(6, MD5 + "-1", True)
    reason = match_content([ONE_PART] * 3, objects).reason
    assert reason == f".roi has other content in the archive (ETag {MD5}-1) than here ({OTHER}-1)"


def test_of_several_faults_the_worst_counts_and_all_are_named() -> None:
    verdict = match_content([LOCAL] * 3, [RemoteObject(9, MD5), None, RemoteObject(6, OTHER, True)])
    assert verdict.match is ContentMatch.MISSING
    assert [file.match for file in verdict.files] == [
        ContentMatch.SIZE,
        ContentMatch.MISSING,
        ContentMatch.DIFFERENT,
    ]
    assert all(name in verdict.reason for name in (".hdr", ".adc", ".roi"))


@pytest.mark.parametrize("proof, words", [(Proof.MD5, ""), (Proof.PARTS, "parts of 8 MiB")])
def test_a_proof_other_than_the_plain_one_is_said(proof: Proof, words: str) -> None:
    size = 9 * MIB
    local = FileSums(size, MD5, (PartSum(8 * MIB, OTHER + "-2"),))
    etag = MD5 if proof is Proof.MD5 else OTHER + "-2"
    file: FileVerdict = match_content([local] * 3, [RemoteObject(size, etag)] * 3).files[2]
    assert file.proof is proof and words in file.reason


sums_strategy = st.builds(
    FileSums,
    st.integers(1, 2),
    st.sampled_from([MD5, OTHER]),
    st.sampled_from([(), (PartSum(5, MD5 + "-2"),), (PartSum(5, OTHER + "-2"),)]),
)
object_strategy = st.builds(
    RemoteObject,
    st.integers(1, 2),
    st.sampled_from([MD5, OTHER, MD5 + "-2", OTHER + "-2", MD5 + "-1", ""]),
    st.sampled_from([None, True, False]),
    st.sampled_from([None, MD5, OTHER]),
)


@given(
    st.lists(sums_strategy, min_size=3, max_size=3),
    st.lists(st.none() | object_strategy, min_size=3, max_size=3),
)
def test_nothing_is_proven_without_a_proof_for_each_of_three_files_of_the_right_size(
    local: list[FileSums], remote: list[Any]
) -> None:
    verdict = match_content(local, remote)
    proofs = [file.proof for file in verdict.files]
    assert (verdict.match is ContentMatch.PROVEN) == (None not in proofs)
    for file, ours, there in zip(verdict.files, local, remote):
        if file.match is ContentMatch.PROVEN:
            assert there.size == ours.size
            evidence = {
                Proof.MD5: there.etag == ours.md5,
                Proof.PARTS: there.etag in [part.etag for part in ours.part_sums],
                Proof.DOWNLOAD: there.downloaded == ours.md5,
            }
            assert file.proof is not None and evidence[file.proof]
        else:
            assert there is None or there.size != ours.size or there.etag != ours.md5


@pytest.mark.parametrize(
    "remote, match, reason",
    [
        ((1, 2000, 3), ContentMatch.UNPROVEN, ""),
        ((1, 2, 3), ContentMatch.SIZE, ".adc has 2 bytes in the archive, 2,000 here"),
        ((1, MISSING, 3), ContentMatch.MISSING, ".adc is not in the archive"),
        (
            (4, MISSING, 3),
            ContentMatch.MISSING,
            ".hdr has 4 bytes in the archive, 1 here; .adc is not in the archive",
        ),
        ((MISSING, MISSING, MISSING), ContentMatch.MISSING, "not in the archive"),
    ],
)
def test_without_reading_the_sizes_decide_and_never_prove(
    remote: tuple[int, int, int], match: ContentMatch, reason: str
) -> None:
    verdict = match_sizes((1, 2000, 3), remote)
    assert (verdict.match, verdict.reason) == (match, reason)


@pytest.mark.parametrize("size", [8 * MIB - 1, 8 * MIB])
def test_a_file_that_fits_into_one_part_is_not_said_to_be_in_parts(size: int) -> None:
    local = FileSums(size, MD5, (PartSum(8 * MIB, OTHER + "-1"),))
    verdict = match_content([local] * 3, [RemoteObject(size, OTHER + "-1")] * 3)
    assert verdict.files[0].reason == "proven by its sum as one part"


def test_the_proofs_of_a_bin_are_those_of_its_proven_files() -> None:
    verdict = match_content(
        [LOCAL, IN_PARTS, LOCAL], [RemoteObject(6, MD5), RemoteObject(6, MD5 + "-2"), None]
    )
    assert verdict.proofs == (Proof.MD5, Proof.PARTS)


@pytest.mark.parametrize(
    ("remote", "why"),
    [
        (
            RemoteObject(6, "?", trouble="the bucket could not be asked about it"),
            "the bucket could not be asked about it",
        ),
        (
            RemoteObject(6, OTHER, False),
            "it is encrypted in the archive, so its ETag is no sum; --download reads it back",
        ),
        (
            RemoteObject(6, MD5 + "-3", True),
            f"it was put in 3 parts, and no usual size of parts gives its ETag {MD5}-3; --download reads it back",
        ),
        (RemoteObject(6, "x", True), "its ETag 'x' says nothing about its content; --download reads it back"),
    ],
)
def test_why_a_file_is_not_proven_is_said(remote: RemoteObject, why: str) -> None:
    assert match_content([LOCAL] * 3, [remote] * 3).files[0].reason == f"is not proven: {why}"
