"""Progress is shown on the installed display only."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from notmnist_assets.curation.core.progress import Advance, progress_bar, show_progress_on


class Recorder:
    def __init__(self) -> None:
        self.events: list[object] = []

    @contextmanager
    def __call__(self, title: str, total: int | None, unit: str) -> Iterator[Advance]:
        self.events.append(("open", title, total, unit))
        yield self.events.append
        self.events.append(("close", title))


def work(title: str = "reading") -> None:
    with progress_bar(title, 3, "files") as advance:
        advance(1)
        advance(2)


def fail_on(display: Recorder) -> None:
    with show_progress_on(display):
        work("inner")
        _ = 1 / 0


def test_a_stage_and_its_amounts_reach_the_display() -> None:
    recorder = Recorder()
    with show_progress_on(recorder):
        work()
    assert recorder.events == [("open", "reading", 3, "files"), 1, 2, ("close", "reading")]


def test_work_runs_without_a_display(capsys: pytest.CaptureFixture[str]) -> None:
    work()
    assert capsys.readouterr() == ("", "")


def test_an_inner_display_ends_with_its_block_even_after_an_error() -> None:
    outer, inner = Recorder(), Recorder()
    with show_progress_on(outer):
        with pytest.raises(ZeroDivisionError):
            fail_on(inner)
        work("outer")
    work("after")
    assert inner.events[0] == ("open", "inner", 3, "files")
    assert outer.events[0] == ("open", "outer", 3, "files")
    assert len(inner.events) == len(outer.events) == 4


def test_stages_of_other_threads_reach_the_display() -> None:
    recorder = Recorder()
    with show_progress_on(recorder), ThreadPoolExecutor(2) as pool:
        list(pool.map(work, ["one", "two"]))
    opened = {event[1] for event in recorder.events if isinstance(event, tuple) and event[0] == "open"}
    assert opened == {"one", "two"}
