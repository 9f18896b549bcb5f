"""The file around a backup: any size goes in and comes out, and nothing that was changed, cut or guessed does."""

import io

import pytest

from escort.backup import container
from escort.backup.container import CHUNK, Cost, fingerprint_of, read_sealed, write_sealed
from escort.errors import Refused

PASSPHRASE = "春天 的 杜鹃 在 叫 呢 听见 了"
CHEAP = Cost(n=2**4)


def sealed(*parts: bytes, passphrase: str = PASSPHRASE) -> bytes:
    file = io.BytesIO()
    write_sealed(file, parts, passphrase=passphrase, cost=CHEAP)
    return file.getvalue()


def opened(file: bytes, passphrase: str = PASSPHRASE) -> bytes:
    return b"".join(read_sealed(io.BytesIO(file), passphrase=passphrase))


def cut_to_whole_chunks(file: bytes) -> bytes:
    """Leave the last chunk out: what is left are whole chunks, each of them untouched."""
    header = file.index(b"\n", file.index(b"\n") + 1) + 1
    return file[: header + CHUNK + container.TAG_BYTES]


@pytest.mark.parametrize(
    "size",
    [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK],  # around the ends of chunks
)
def test_what_goes_in_comes_out(size: int) -> None:
    plain = bytes(index % 251 for index in range(1000)) * (size // 1000 + 1)
    plain = plain[:size]

    assert opened(sealed(plain[: size // 3], plain[size // 3 :])) == plain


def test_the_file_says_nothing_of_what_it_holds() -> None:
    assert b"canary" not in sealed(b"canary" * 20)


def test_two_files_of_the_same_store_have_nothing_in_common() -> None:
    one, other = sealed(b"same"), sealed(b"same")

    assert fingerprint_of(io.BytesIO(one)) != fingerprint_of(io.BytesIO(other))
    assert one[-20:] != other[-20:]


def test_a_passphrase_may_be_typed_on_another_keyboard() -> None:
    assert (
        opened(sealed(b"x", passphrase="ＡＢＣ的一句长长的话没有人知道"), "ABC的一句长长的话没有人知道")
        == b"x"
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda file: b"PK\x03\x04" + file, "这不是杜鹃鸟的备份文件"),
        (lambda file: file[:0], "这不是杜鹃鸟的备份文件"),
        (lambda file: file.replace(b"backup 1", b"backup 2", 1), "更新的版本"),
        (lambda file: file[:200], "不完整"),  # inside the first chunk
        (lambda file: file[:-1], "不完整"),
        (cut_to_whole_chunks, "不完整"),
        (lambda file: file + b"x", "不完整"),
        (lambda file: file[:-5] + bytes([file[-5] ^ 1]) + file[-4:], "不完整"),
        (lambda file: file.replace(b'"r": 8', b'"r": 9', 1), "口令不对"),  # another key, so another check
        (lambda file: file.replace(b'"n": 16', b'"n": 99999999', 1), "不完整"),  # would take all memory
        (lambda file: file.replace(b'"n": 16', b'"n": 15', 1), "不完整"),
        (lambda file: file.replace(b'{"salt"', b'["salt"', 1), "不完整"),
    ],
)
def test_what_was_changed_is_refused_in_one_sentence(change, sentence: str) -> None:  # type: ignore[no-untyped-def]
    file = change(sealed(b"a" * CHUNK, b"b" * 100))

    with pytest.raises(Refused) as refused:
        opened(file)

    assert sentence in refused.value.sentence
    assert "\n" not in refused.value.sentence


def test_a_wrong_passphrase_is_told_from_a_broken_file() -> None:
    with pytest.raises(Refused, match="口令不对"):
        opened(sealed(b"x"), "秋天 的 杜鹃 不 在 叫 了 听不见")


def test_a_short_passphrase_is_refused() -> None:
    with pytest.raises(Refused, match="15"):
        write_sealed(io.BytesIO(), [b"x"], passphrase="too short", cost=CHEAP)
