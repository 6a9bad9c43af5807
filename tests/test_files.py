"""Files come back as written, damage is one line that names the file, and a folder has one writer."""

import errno
import json
import math
import os
import resource

import numpy as np
import pandas as pd
import pytest
import torch
from apart import SERVER, answer, started

from infotok.files import (
    new_folder,
    only_writer,
    read_json,
    remove_folder,
    remove_temporaries,
    to_json,
    write_atomically,
    write_json,
)


def one_line(error):
    assert "\n" not in str(error.value)
    return str(error.value)


# --- writing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_is_replaced_whole_and_leaves_no_temporary(tmp_path, durable):
    path = tmp_path / "new" / "folder" / "a.json"
    write_atomically(path, "old", durable)
    write_atomically(path, "für", durable)
    assert path.read_text(encoding="utf-8") == "für"
    assert [entry.name for entry in path.parent.iterdir()] == ["a.json"]


def test_only_durable_files_are_synchronised(tmp_path, monkeypatch):
    synchronised = []
    monkeypatch.setattr(os, "fsync", synchronised.append)
    write_atomically(tmp_path / "progress.json", "1", durable=False)
    assert not synchronised
    write_atomically(tmp_path / "result.json", "1")
    assert len(synchronised) == (2 if os.name == "posix" else 1)  # the file, and its name in the folder


def write_past_the_limit(pipe, path):
    """A file system with no space left, as a process sees it that may write 100 bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
    try:
        write_atomically(path, b"x" * 1000)
    except OSError as error:
        pipe.send((type(error).__name__, str(error)))


@pytest.mark.slow
def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    write_atomically(path, "old")
    kind, line = answer(write_past_the_limit, path)
    assert kind == "OSError"
    assert f"{path}: got 'File too large', expected a folder with free space that may be written to" in line
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, OSError), (errno.EROFS, OSError), (errno.EACCES, PermissionError)]
)
def test_a_full_or_read_only_disk_is_one_line(tmp_path, monkeypatch, number, kind):
    def refuse(*args, **kwargs):
        raise OSError(number, os.strerror(number), "a hidden name")

    path = tmp_path / "a.json"
    monkeypatch.setattr("tempfile.mkstemp", refuse)
    with pytest.raises(kind, match=f"a.json: got '{os.strerror(number)}', expected a folder with") as caught:
        write_atomically(path, "new")
    assert "hidden" not in one_line(caught)
    assert caught.value.errno == number


def test_a_file_where_a_folder_should_be_is_one_line(tmp_path):
    write_atomically(tmp_path / "a", "a file")
    with pytest.raises(OSError, match=r"b.json: got 'File exists', expected a folder") as caught:
        write_atomically(tmp_path / "a" / "b.json", "{}")
    one_line(caught)


def test_a_link_to_a_folder_is_replaced_and_its_target_stays(tmp_path):
    for target in ("real", "nowhere"):
        link = tmp_path / "link"
        if target == "real":
            (tmp_path / target).mkdir()
            (tmp_path / target / "kept").touch()
        link.symlink_to(tmp_path / target)
        with new_folder(link) as folder:
            (folder / "new").touch()
        assert not link.is_symlink()
        assert [path.name for path in link.iterdir()] == ["new"]
        remove_folder(link)
    assert [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("*"))] == ["real", "real/kept"]


def test_a_file_where_a_new_folder_should_be_stays(tmp_path):
    path = tmp_path / "precious"
    path.write_text("text")
    with pytest.raises(OSError, match="precious: got 'Not a directory'"), new_folder(path):
        pass
    assert [each.name for each in tmp_path.iterdir()] == ["precious"]
    assert path.read_text() == "text"


def test_temporaries_are_removed_and_nothing_else(tmp_path):
    kept = [".gitignore", ".my.settings", "metrics.jsonl", ".a.json.abc", "a.json.abcdefgh"]
    left = [".metrics.jsonl.abcd_123", ".weights.safetensors.zzzzzzzz"]
    for name in (*kept, *left):
        (tmp_path / name).write_text("")
    (tmp_path / ".checkpoint-00000004.old.abcdefgh").mkdir()
    remove_temporaries(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
    remove_temporaries(tmp_path / "nowhere")


# --- JSON -------------------------------------------------------------------------------------------------------------


def test_every_value_comes_back_bit_for_bit(tmp_path):
    value = {
        "floats": [0.1 + 0.2, -0.0, 5e-324, 1.7976931348623157e308, math.inf, -math.inf, math.nan],
        "array": np.float32([0.1, 0.2]),
        "half": torch.tensor([0.1], dtype=torch.bfloat16, requires_grad=True),
        "series": pd.Series([1, 2]),
        "objects": np.array([np.float32(0.5), "a"], dtype=object),
        "text": "für \u2028 \U0001f600",
        3: None,
    }
    write_json(tmp_path / "a.json", value)
    read = read_json(tmp_path / "a.json")
    assert np.array_equal(np.float64(read["floats"]).view(np.int64), np.float64(value["floats"]).view(np.int64))
    assert np.array_equal(np.float32(read["array"]), value["array"])
    assert torch.equal(torch.tensor(read["half"], dtype=torch.bfloat16), value["half"].detach())
    assert read["objects"] == [0.5, "a"]
    assert (read["series"], read["text"], read["3"]) == ([1, 2], value["text"], None)


def holding_itself():
    value = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (
            {"metrics": {"loss": [1.0, object]}},
            r"a.json.metrics.loss\[1\]: got \"type <class 'object'>\", expected a JSON",
        ),
        ({"a": {1, 2}}, r"a.json.a: got 'set \{1, 2\}', expected a JSON value"),
        ([1 + 2j], r"a.json\[0\]: got 'complex \(1\+2j\)', expected a JSON value"),
        (
            {"a": np.datetime64("2020-01-01")},
            r"a.json.a: got 'date datetime.date\(2020, 1, 1\)', expected a JSON value",
        ),
        ({"a": "\ud800"}, "a.json.a: got .*ud800.*, expected text that UTF-8 can hold"),
        (holding_itself(), "a.json: got 'a value that holds itself, or a very deep one', expected a JSON value"),
    ],
)
def test_what_json_cannot_hold_is_named_before_anything_is_written(tmp_path, value, line):
    with pytest.raises(TypeError, match=line) as caught:
        write_json(tmp_path / "a.json", value)
    one_line(caught)
    assert not list(tmp_path.iterdir())


def test_keys_that_json_would_merge_are_refused():
    with pytest.raises(ValueError, match="keys: got '1 twice', expected keys that differ as text"):
        to_json({"a": {1: "x", "1": "y"}})


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "got 'an empty file', expected JSON"),
        (b" \n", "got 'an empty file', expected JSON"),
        (b'{"a": [1, 2', "got 'a truncated file (line 1: Expecting ',' delimiter)', expected JSON"),
        (b'{"a": "b', "got 'a truncated file (line 1: Unterminated string starting at)', expected JSON"),
        (b"<html>", "got 'a damaged file (line 1: Expecting value)', expected JSON"),
        (b'{"a": 1} {"a": 1}', "got 'a damaged file (line 1: Extra data)', expected JSON"),
        (b'{"a": "\xff"}', "got 'bytes that are not UTF-8 (byte 7)', expected JSON"),
        ('{"a": 1}'.encode("utf-16"), "got 'bytes that are not UTF-8 (byte 0)', expected JSON"),
        (b'{"a": 1, "a": 2}', "the key 'a' twice"),
        (b"9" * 5000, "a damaged file (Exceeds the limit"),
        (b"[" * 100_000, "a damaged file (maximum recursion depth"),
    ],
)
def test_a_damaged_file_is_one_line_with_its_name(tmp_path, content, line):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.json: got ") as caught:
        read_json(path)
    assert line in one_line(caught).replace('"', "'").replace("\\'", "'")


def test_every_truncation_of_a_file_is_refused(tmp_path):
    path, content = tmp_path / "a.json", to_json({"a": [1, "zwölf"], "b": None}).encode()
    for kept in range(len(content) - 2):  # the last two are the closing brace's line end
        path.write_bytes(content[:kept])
        with pytest.raises(ValueError, match=r"a\.json: got .*, expected JSON"):
            read_json(path)


def test_a_missing_file_a_folder_and_a_forbidden_file_are_named(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"a\.json: got 'no such file', expected one that can be read"):
        read_json(tmp_path / "a.json")
    with pytest.raises(ValueError, match="got 'Is a directory', expected a file that can be read"):
        read_json(tmp_path)
    (tmp_path / "loop.json").symlink_to(tmp_path / "loop.json")
    with pytest.raises(ValueError, match=r"loop\.json: got 'Too many levels of symbolic links'"):
        read_json(tmp_path / "loop.json")

    def refuse(self):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(ValueError, match=r"a\.json: got 'Permission denied', expected a file that can be read"):
        read_json(tmp_path / "a.json")


def test_the_keys_that_a_reader_needs_are_checked(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"status": "passed", "claims": []})
    assert read_json(path, keys=("status", "claims"))["status"] == "passed"
    with pytest.raises(ValueError, match=r"a\.json: got 'JSON without cells', expected the keys status, cells"):
        read_json(path, keys=("status", "cells"))
    write_json(path, [1])
    with pytest.raises(ValueError, match=r"a\.json: got 'JSON of a list', expected that of an object"):
        read_json(path, keys=("status",))


def test_a_byte_order_mark_is_no_damage(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf" + json.dumps({"a": 1}).encode())
    assert read_json(tmp_path / "a.json") == {"a": 1}


# --- one writer -------------------------------------------------------------------------------------------------------


def hold(folder, pipe):
    with only_writer(folder, "training"):
        pipe.send("held")
        pipe.poll(30)


@pytest.mark.slow
@pytest.mark.parametrize("killed", [True, False])
def test_a_folder_has_one_writer_however_it_ends(tmp_path, killed):
    folder, (mine, theirs) = tmp_path / "run", SERVER.Pipe()
    process = started(hold, folder, theirs)
    assert mine.poll(60)
    assert mine.recv() == "held"
    line = rf"run: got 'a folder in use by process {process.pid} \(training\)', expected a folder of its own"
    with pytest.raises(BlockingIOError, match=line) as caught, only_writer(folder, "training"):
        pass
    one_line(caught)
    process.kill() if killed else mine.send("end")
    process.join(30)
    with only_writer(folder, "training"), pytest.raises(BlockingIOError), only_writer(folder, "again"):
        pass
