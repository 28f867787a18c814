"""Renders a large archive in shards, the first of which are a smaller one: `python -m benchmarks.scale_data`."""

import gzip
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from notmnist_assets.curation.core.images import LETTERS
from tools.render.members import Stretch, end_of_tar, folder_member, make_members
from tools.render.planting import Plan, small_for
from tools.render.recipe import SEED

_STRETCH: Final = 1024


def render_shard(plan: Plan, folder: Path, set_name: str, shards: int, number: int) -> Path:
    """Write the files of one shard, a part of every letter; a shard that exists is kept."""
    name = f"notMNIST_{set_name}" + (f"-{number:05}-of-{shards:05}" if shards > 1 else "") + ".tar.gz"
    path, part = folder / name, folder / f"{name}.part"
    if path.exists():
        return path
    fonts = plan.fonts[set_name]
    first, last = fonts * number // shards, fonts * (number + 1) // shards
    with gzip.open(part, "wb", compresslevel=1) as tar:
        size = tar.write(folder_member(f"notMNIST_{set_name}"))
        for letter in LETTERS:
            size += tar.write(folder_member(f"notMNIST_{set_name}/{letter}"))
            for start in range(first, last, _STRETCH):
                size += tar.write(make_members(plan, Stretch(set_name, letter, start, min(start + _STRETCH, last))).tar)
        tar.write(end_of_tar(size))
    return part.replace(path)


def main(
    out: Annotated[Path, typer.Option(help="Folder for the archives.")],
    per_letter: Annotated[int, typer.Option(help="Files of each letter in all shards together.")] = 500_000,
    shards: Annotated[int, typer.Option(min=1, help="Shards of the large archive.")] = 10,
    workers: Annotated[int, typer.Option(min=1, help="Processes, each of which renders one shard at a time.")] = 2,
) -> None:
    """Render the large archive in shards, and the small one in proportion to one shard."""
    out.mkdir(parents=True, exist_ok=True)
    plan = Plan({"large": per_letter, "small": small_for(per_letter // shards)}, SEED)
    render_shard(plan, out, "small", 1, 0)
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for path in pool.map(partial(render_shard, plan, out, "large", shards), range(shards)):
            typer.echo(path)


if __name__ == "__main__":
    typer.run(main)
