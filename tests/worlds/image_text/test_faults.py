"""Damaged and hostile data: every fault is one line with its place, nothing else is raised, nothing outside is read."""

import io
import json
import os
import re
import sys
import tarfile
import warnings

import numpy as np
import pyarrow as pa
import pytest
import torch
from own_data import FORMS, as_folder, as_parquet, as_shards, picture, rows
from pyarrow import parquet

from infotok.worlds import ImageTextWorld, open_records
from infotok.worlds.image_text import BadRecord, ListRecords
from infotok.worlds.image_text.folder import MOST_LINE
from infotok.worlds.image_text.paths import inside
from infotok.worlds.image_text.shards import INDEX

LINE = re.compile(r"[^\n]+: got [^\n]*, expected [^\n]+")


def refused(call, *parts):
    """The line of a BadRecord that has these parts."""
    with pytest.raises(BadRecord) as caught:
        call()
    text = str(caught.value)
    assert LINE.fullmatch(text), text
    for part in parts:
        assert str(part) in text, text
    return text


# --- lines of JSONL ---------------------------------------------------------------------------------------------------

LINES = {
    "no JSON": (b'{"image": ', "no JSON (column"),
    "a list": (b"[1, 2]", "JSON of a list"),
    "a number": (b"3", "JSON of a int"),
    "no UTF-8": (b'{"image": "\xff"}', "not UTF-8 (byte 11)"),
    "no image": (b'{"captions": "x"}', "no field 'image'"),
    "no captions": (b'{"image": "a.png"}', "no field 'captions'"),
    "captions that are 0": (b'{"image": "a.png", "captions": 0}', "captions: got a int"),
    "captions of another type": (b'{"image": "a.png", "captions": 3}', "captions: got a int"),
    "no caption in the list": (b'{"image": "a.png", "captions": []}', "captions: got an empty list"),
    "an empty caption": (b'{"image": "a.png", "captions": " "}', "captions: got an empty string"),
    "a caption of another type": (b'{"image": "a.png", "captions": ["x", null]}', "captions: got nothing"),
    "an image of another type": (b'{"image": 3, "captions": "x"}', "image: got a int"),
    "questions of another type": (b'{"image": "a.png", "captions": "x", "questions": "why"}', "questions: got a str"),
    "a question alone": (b'{"image": "a.png", "captions": "x", "questions": [["why"]]}', "questions: got a list"),
    "an answer of another type": (b'{"image": "a.png", "captions": "x", "questions": [["why", 3]]}', "answer: got"),
    "half a character": (b'{"image": "a.png", "captions": "\\ud800"}', "text that UTF-8 can hold"),
    "deep brackets": (b"[" * 100_000, "no JSON ("),
    "a long number": (b"1" * 10_000, "no JSON ("),
    "a long line": (b'{"image": "a.png", "captions": "' + b"x" * MOST_LINE + b'"}', f"at most {MOST_LINE}"),
}


@pytest.mark.parametrize(("content", "part"), LINES.values(), ids=list(LINES))
def test_each_line_is_checked(tmp_path, content, part):
    good = b'{"image": "a.png", "captions": "a wall"}'
    (tmp_path / "a.png").write_bytes(picture("red"))
    file = tmp_path / "data.jsonl"
    file.write_bytes(good + b"\n\n" + content + b"\n" + good)
    refused(lambda: open_records(tmp_path), f"{file}:3", part)
    world = ImageTextWorld(open_records(tmp_path, on_error="skip"), held_out=0, on_error="skip")
    assert {*world.batch(30, torch.Generator().manual_seed(0), 0).scenes.tolist()} == {0, 2}
    assert len(world.skipped) == 1
    assert f"{file}:3" in world.skipped[0]


# --- paths ------------------------------------------------------------------------------------------------------------

ESCAPES = ["../secret.png", "a/../../secret.png", "/etc/passwd", "\\secret.png", "..\\secret.png", "C:\\secret.png",
           "C:secret.png", "//host/share/x.png", "~/secret.png", "link.png", "folder-link/secret.png", "loop.png", "",
           ".", "images", "fifo", "a\0b", "x" * 5000, "a\nb", "file:///etc/passwd"]  # fmt: skip


@pytest.mark.parametrize("name", ESCAPES, ids=lambda name: ascii(name)[:24])
def test_paths_stay_inside(tmp_path, name):
    (tmp_path / "secret.png").write_bytes(picture("red"))
    root = tmp_path / "data"
    (root / "images").mkdir(parents=True)
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "folder-link").symlink_to(tmp_path)
    (root / "loop.png").symlink_to(root / "loop.png")
    os.mkfifo(root / "fifo")
    records = ListRecords([{"image": name, "captions": "x", "key": "k"}], root)
    refused(lambda: records[0], root)


def test_links_inside_are_followed(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "b.png").symlink_to(tmp_path / "a.png")
    assert inside(tmp_path, "b.png", "b") == (tmp_path / "a.png").resolve()


def test_data_files_that_leave_the_folder_are_refused(tmp_path):
    as_shards(tmp_path / "else", rows(2))
    as_parquet(tmp_path / "else2", rows(2))
    for place, ending in (("else/000000", "tar"), ("else2/0", "parquet")):
        folder = tmp_path / ending
        folder.mkdir()
        (folder / f"a.{ending}").symlink_to(tmp_path / f"{place}.{ending}")
        refused(lambda folder=folder: open_records(folder), folder, "a link that leaves the folder")


def test_bytes_have_no_folder():
    refused(lambda: ListRecords([{"image": "/etc/passwd", "captions": "x"}])[0], "record 0, image")


# --- shards and tables ------------------------------------------------------------------------------------------------


def test_a_truncated_shard_is_refused_or_read_up_to_there(tmp_path):
    folder = as_shards(tmp_path / "s", rows(12), per=12)
    whole = len(open_records(folder))
    content = (folder / "000000.tar").read_bytes()
    (folder / "000000.tar").write_bytes(content[: len(content) // 2])
    refused(lambda: open_records(folder), folder / "000000.tar")
    records = open_records(folder, on_error="skip")
    assert 3 < len(records) < whole
    world = ImageTextWorld(records, on_error="skip", held_out=0)
    assert world.batch(8, torch.Generator().manual_seed(0), 1).images.shape == (8, 3, 32, 32)
    assert any("000000.tar" in line for line in world.skipped)


def test_the_index_is_made_once_and_again_for_other_shards(tmp_path, monkeypatch):
    from infotok.worlds.image_text import shards

    folder = as_shards(tmp_path / "s", rows(12))
    scans, scan = [], shards.scan
    monkeypatch.setattr(shards, "scan", lambda *args: scans.append(args) or scan(*args))
    first = open_records(folder)
    assert len(scans) == 2
    assert len(open_records(folder)) == len(first) == 12
    assert len(scans) == 2
    as_shards(tmp_path / "t", rows(5))
    (folder / "000001.tar").write_bytes((tmp_path / "t" / "000000.tar").read_bytes())
    assert len(open_records(folder)) == 15
    assert len(scans) == 4
    index = json.loads((folder / INDEX).read_text())
    for broken in ("", "[]", json.dumps(index | {"records": [[0, "x", {"png": [0, 10**12]}]]}), "{" * 5000,
                   json.dumps(index | {"records": 3}), json.dumps(index | {"records": [[9, "x", {}]]})):  # fmt: skip
        (folder / INDEX).write_text(broken)
        assert len(open_records(folder)) == 15


def test_members_that_are_no_files_are_refused(tmp_path):
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE):
        with tarfile.open(tmp_path / "a.tar", "w") as tar:
            member = tarfile.TarInfo("a.png")
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
        refused(lambda: open_records(tmp_path / "a.tar"), "a.tar:a.png", "a link or a device")


def test_text_files_are_captions_and_endings_in_capitals_count(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name, content in (("in/a.PNG", picture("red")), ("in/a.txt", b"a red wall\n"), ("in/a.md", b"?")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    (record,) = [open_records(tmp_path / "a.tar")[0]]
    assert record["captions"] == ["a red wall"]
    assert record["key"] == "in/a"


def test_tables_need_their_columns(tmp_path):
    parquet.write_table(pa.table({"picture": [b"x"], "captions": ["y"]}), tmp_path / "a.parquet")
    refused(lambda: open_records(tmp_path), tmp_path / "a.parquet", "captions, picture", "'image'")
    assert open_records(tmp_path, {"image": "picture"})[0]["image"] == b"x"


def test_rows_are_named(tmp_path):
    made = rows(8)
    made[6]["image"] = made[6]["image"][:40]
    world = ImageTextWorld(open_records(as_parquet(tmp_path / "p", made, group=2)), held_out=0)
    refused(lambda: world.batch(99, torch.Generator().manual_seed(0), 1), tmp_path / "p" / "1.parquet:2")


def test_paths_without_data_are_refused(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "both").mkdir()
    (tmp_path / "both" / "a.tar").touch(), (tmp_path / "both" / "a.parquet").touch()
    (tmp_path / "empty").mkdir()
    for name in ("a.txt", "both", "empty", "nothing"):
        with pytest.raises(ValueError, match=r"^path: got [^\n]*, expected [^\n]+$"):
            open_records(tmp_path / name)


# --- a thousand faults ------------------------------------------------------------------------------------------------


def flipped(content, rng):
    changed = bytearray(content)
    for place in rng.integers(0, len(content), rng.integers(1, 12)):
        changed[place] ^= 1 << rng.integers(8)
    return bytes(changed)


def truncated(content, rng):
    return content[: rng.integers(0, len(content))]


def oversized(content, rng):
    """Large numbers over the first bytes, where headers have sizes."""
    place = int(rng.integers(0, min(600, len(content))))
    return content[:place] + b"\xff" * int(rng.integers(2, 9)) + content[place + 8 :]


def garbage(content, rng):
    return rng.bytes(int(rng.integers(0, 400)))


HARMS = (flipped, truncated, oversized, garbage)
WRONG = (None, 3, 2.5, [], {}, True, [None], {"bytes": None, "path": None}, "", "../secret.png", "/etc/passwd", b"")


def harmed_rows(rng, made):
    """A list of records, one of which is harmed: in the bytes of its image, or in the type of a field."""
    made = [dict(row) for row in made]
    victim = made[rng.integers(len(made))]
    if rng.random() < 0.6:
        victim["image"] = HARMS[rng.integers(len(HARMS))](victim["image"], rng)
    else:
        victim[("image", "captions", "questions")[rng.integers(3)]] = WRONG[rng.integers(len(WRONG))]
    return made


def harmed_lines(rng, content):
    """JSONL, one line of which is harmed."""
    lines = content.splitlines()
    at = rng.integers(len(lines))
    lines[at] = HARMS[rng.integers(len(HARMS))](lines[at], rng)
    if rng.random() < 0.2:
        lines[at] = json.dumps({"image": ESCAPES[rng.integers(len(ESCAPES))], "captions": "x"}).encode()
    return b"\n".join(lines)


def draw(records):
    """A batch, or the line of the first fault."""
    try:
        return ImageTextWorld(records(), size=8, held_out=0).batch(24, torch.Generator().manual_seed(0), 0)
    except BadRecord as error:
        line = str(error)
    assert LINE.fullmatch(line), line
    return line


def skipping(records):
    """The lines of what is skipped; and no error but that nothing is left."""
    try:
        world = ImageTextWorld(records(), size=8, held_out=0, on_error="skip")
        world.batch(24, torch.Generator().manual_seed(0), 0)
        lines = world.skipped
    except ValueError as error:
        lines = [str(error)]
        assert lines[0].startswith("records")
    assert all(LINE.fullmatch(line) for line in lines)
    return lines


WATCHED: list[list[str]] = []  # lists of the files that Python opens, while somebody watches
sys.addaudithook(lambda event, args: event == "open" and WATCHED and WATCHED[-1].append(str(args[0])))


@pytest.fixture
def opened(tmp_path):
    """Files in tmp_path or /etc that are opened while the test runs."""
    WATCHED.append([])
    found = WATCHED[-1]
    yield lambda: [path for path in found if path.startswith((str(tmp_path), "/etc"))]
    WATCHED.pop()


def judged(found, skipped, place):
    """Refused with its place in one mode, and skipped with it in the other; or harmless in both."""
    if isinstance(found, str):
        assert place in found
        assert skipped
        return 1
    return 0


@pytest.mark.filterwarnings("ignore")
def test_five_hundred_harmed_records():
    rng, made = np.random.default_rng(0), rows(3)
    made = [row | {"key": row["name"]} for row in made]
    refusals = 0
    for _ in range(500):
        harmed = harmed_rows(rng, made)
        refusals += judged(draw(lambda harmed=harmed: harmed), skipping(lambda harmed=harmed: harmed), "record ")
    assert refusals > 300  # a flipped bit in the pixels is an image still


@pytest.mark.filterwarnings("ignore")
def test_two_hundred_harmed_lines(tmp_path, opened):
    rng = np.random.default_rng(1)
    folder = as_folder(tmp_path / "data", rows(3))
    content, refusals = (folder / "data.jsonl").read_bytes(), 0
    for _ in range(200):
        (folder / "data.jsonl").write_bytes(harmed_lines(rng, content))
        found = draw(lambda: open_records(folder))
        refusals += judged(found, skipping(lambda: open_records(folder, on_error="skip")), f"{folder}")
    assert refusals > 120
    assert [path for path in opened() if not path.startswith(str(folder))] == []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", ["shards", "parquet", "arrow stream", "arrow file"])
def test_a_hundred_harmed_files(tmp_path, form, opened):
    rng = np.random.default_rng(2)
    folder = FORMS[form](tmp_path / "data", rows(6, ("PNG",)))
    file = sorted(path for path in folder.iterdir() if path.name != INDEX)[0]
    content, refusals = file.read_bytes(), 0
    for _ in range(100):
        file.write_bytes(HARMS[rng.integers(len(HARMS))](content, rng))
        found = draw(lambda: open_records(folder))
        refusals += judged(found, skipping(lambda: open_records(folder, on_error="skip")), f"{file}")
    assert refusals > 40
    assert [path for path in opened() if not path.startswith(str(folder))] == []


def test_a_decompression_bomb_is_refused():
    import struct
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    world = ImageTextWorld([{"image": bomb, "captions": "x"}], held_out=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refused(lambda: world.batch(1, torch.Generator().manual_seed(0), 0), "record 0", "pixels")
