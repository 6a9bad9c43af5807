"""Small data sets of images and text, in every form that can be read."""

import io
import json
import tarfile

import numpy as np
import pyarrow as pa
from PIL import Image
from pyarrow import parquet

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (20, 40, 230), "white": (250, 250, 250)}
ENDINGS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}


def picture(colour, width=40, height=30, form="PNG", seed=0, **options):
    """The bytes of an image of a noisy colour with a dark stripe."""
    rng = np.random.default_rng(seed)
    pixels = np.clip(np.array(COLOURS[colour]) + rng.integers(-20, 20, (height, width, 3)), 0, 255)
    pixels[:, width // 2 - 2 : width // 2 + 2] = 10
    stream = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, form, **options)
    return stream.getvalue()


def rows(n=24, forms=("PNG", "JPEG", "WEBP")):
    """Records with the image's name and bytes."""
    names, made = list(COLOURS), []
    for i in range(n):
        colour, form = names[i % len(names)], forms[i % len(forms)]
        made.append(
            {
                "name": f"{i:06d}.{ENDINGS[form]}",
                "image": picture(colour, 30 + i, 40, form, seed=i),
                "captions": [f"A {colour} wall.", f"the wall, number {i}, is {colour}"],
                "questions": [["What colour is the wall?", colour], ["Where is it?", "New York"]],
            }
        )
    return made


def as_folder(folder, made, **changes):
    """A JSONL file beside a folder of images."""
    (folder / "images").mkdir(parents=True)
    lines = []
    for row in made:
        (folder / "images" / row["name"]).write_bytes(row["image"])
        line = {"image": f"images/{row['name']}", "key": row["name"].split(".")[0]}
        lines.append(line | {name: row[name] for name in ("captions", "questions")} | changes)
    (folder / "data.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def table(made):
    """A table as Hugging Face stores one: the image is a struct, questions a list of structs."""
    pairs = [[{"question": q, "answer": a} for q, a in row["questions"]] for row in made]
    pair = pa.struct([("question", pa.string()), ("answer", pa.string())])
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    return pa.table(
        {
            "image": pa.array([{"bytes": row["image"], "path": row["name"]} for row in made], image),
            "captions": pa.array([row["captions"] for row in made], pa.list_(pa.string())),
            "questions": pa.array(pairs, pa.list_(pair)),
        }
    )


def as_parquet(folder, made, group=5):
    """Two parquet files of several row groups."""
    folder.mkdir(parents=True)
    half = len(made) // 2
    for number, part in enumerate((made[:half], made[half:])):
        parquet.write_table(table(part), folder / f"{number}.parquet", row_group_size=group)
    return folder


def as_arrow(folder, made, stream=True, group=7):
    """One Arrow file, of the stream or the file format."""
    folder.mkdir(parents=True)
    whole = table(made)
    new = pa.ipc.new_stream if stream else pa.ipc.new_file
    with pa.OSFile(str(folder / "data-00000-of-00001.arrow"), "wb") as sink, new(sink, whole.schema) as writer:
        writer.write_table(whole, max_chunksize=group)
    return folder


def as_shards(folder, made, per=10):
    """Tar shards of an image and a JSON object for each record."""
    folder.mkdir(parents=True)
    for number in range(0, len(made), per):
        with tarfile.open(folder / f"{number // per:06d}.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
            for row in made[number : number + per]:
                text = json.dumps({name: row[name] for name in ("captions", "questions")}).encode()
                for name, content in ((row["name"], row["image"]), (row["name"].split(".")[0] + ".json", text)):
                    member = tarfile.TarInfo(name)
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))
    return folder


FORMS = {
    "folder": as_folder,
    "parquet": as_parquet,
    "arrow stream": as_arrow,
    "arrow file": lambda folder, made: as_arrow(folder, made, stream=False),
    "shards": as_shards,
}
