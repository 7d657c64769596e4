"""The panel's Job: answers, progress, cancelling and late answers, without a browser."""

import asyncio
import subprocess
import sys
import threading
import time

import pytest
import torch

from coreset_explore import progress
from coreset_explore.pool import Missing, Pool
from widgets.explorer.session import Session
from widgets.kit.guard import session_guard
from widgets.kit.job import Job
from widgets.kit.markup import duration
from widgets.kit.problems import problem
from widgets.kit.runner import brief


class Heard:
    """Everything a job said, in order, and on which thread."""

    def __init__(self):
        self.said: list[tuple] = []
        self.threads: set[str] = set()
        self.end = threading.Event()

    def calls(self):
        def note(name):
            def say(*args):
                self.said.append((name, *args))
                self.threads.add(threading.current_thread().name)
                if name != "progressed":
                    self.end.set()

            return say

        return {name: note(name) for name in ("then", "failed", "progressed", "cancelled")}

    @property
    def ends(self):
        return [s for s in self.said if s[0] != "progressed"]


def steps(count=10_000, pause=0.005, label="step"):
    """Work that can be stopped between steps."""
    for _ in progress.track(range(count), label):
        time.sleep(pause)
    return "finished"


def test_answer_is_delivered_directly_without_a_loop():
    job, heard = Job(), Heard()
    job.start(lambda: 42, **heard.calls())
    assert job.wait(5)
    assert heard.ends == [("then", 42)]


def test_answer_is_delivered_on_the_loop():
    heard = Heard()

    async def story():
        job = Job(asyncio.get_running_loop())
        job.start(lambda: threading.current_thread().name, **heard.calls())
        while not heard.end.is_set():
            await asyncio.sleep(0.01)

    asyncio.run(story())
    assert heard.ends == [("then", "coreset_explore")]  # worked on the job's thread
    assert heard.threads == {threading.current_thread().name}  # told on the loop's


def test_progress_names_the_stage_and_comes_at_most_ten_times_a_second():
    job, heard = Job(), Heard()

    def work():
        with progress.stage("CRAIG", 0.5, 1.0):
            steps(200, 0.003, "class")

    start = time.monotonic()
    job.start(work, **heard.calls())
    assert job.wait(20)
    told = [s for s in heard.said if s[0] == "progressed"]
    assert told[0][1] >= 0.5 and [s[1] for s in told] == sorted(s[1] for s in told)
    assert told[-1][2].startswith("CRAIG, class ") and told[-1][2].endswith("of 200")
    assert len(told) <= 10 * (time.monotonic() - start) + 2


def test_cancel_stops_within_a_second_and_leaves_no_thread():
    job, heard = Job(), Heard()
    job.start(steps, **heard.calls())
    time.sleep(0.1)
    job.cancel()
    assert job.wait(1.0)
    assert heard.ends == [("cancelled",)]


def test_cancel_that_comes_after_the_last_step_still_cancels():
    job, heard, reached, go = Job(), Heard(), threading.Event(), threading.Event()

    def work():
        reached.set()
        go.wait(5)
        return "too late"

    job.start(work, **heard.calls())
    assert reached.wait(5)
    job.cancel()
    go.set()
    assert job.wait(1)
    assert heard.ends == [("cancelled",)]


def test_late_answer_of_a_dropped_start_is_not_delivered():
    job, heard, go = Job(), Heard(), threading.Event()
    job.start(lambda: go.wait(5) and "late", **heard.calls())
    job.drop()
    go.set()
    assert job.wait(5)
    assert heard.said == []


def test_a_new_start_waits_for_the_thread_before_it_and_alone_is_heard():
    job, first, second, go = Job(), Heard(), Heard(), threading.Event()
    inside = {"now": 0, "most": 0}

    def work(answer, wait):
        inside["now"] += 1
        inside["most"] = max(inside["most"], inside["now"])
        if wait:
            go.wait(5)  # as UMAP: deaf to Cancel for a while
        inside["now"] -= 1
        return answer

    job.start(lambda: work("first", True), **first.calls())
    job.start(lambda: work("second", False), **second.calls())
    time.sleep(0.15)
    assert second.ends == []
    go.set()
    assert job.wait(5)
    assert first.said == [] and second.ends == [("then", "second")] and inside["most"] == 1


UNFINISHED = """
import threading, time
import torch
from coreset_explore.progress import check
from widgets.kit.job import Job

begun = threading.Event()

def work():
    x = torch.randn(600, 600)
    while True:
        begun.set()
        x = (x @ x).tanh()
        check()

Job().start(work, then=print, failed=print)
job = Job()
job.start(work, then=print, failed=print)
begun.wait()
"""


def test_a_script_that_ends_while_a_thread_computes_ends_well():
    done = subprocess.run([sys.executable, "-c", UNFINISHED], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_who_waits_while_an_answer_starts_the_next_finds_no_thread_that_is_not_started(monkeypatch):
    plain, job, heard = threading.Thread.start, Job(), []
    monkeypatch.setattr(threading.Thread, "start", lambda thread: (time.sleep(0.05), plain(thread))[1])

    def then(answer: int) -> None:
        heard.append(answer)
        if answer < 3:
            job.start(lambda: answer + 1, then=then, failed=heard.append)

    job.start(lambda: 0, then=then, failed=heard.append)
    until = time.monotonic() + 10
    while len(heard) < 4 and time.monotonic() < until:
        job.wait(0.001)  # now and then while a thread is made and not started
    assert heard == [0, 1, 2, 3]


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyError("x")])
def test_exceptions_are_reported_whatever_they_are(error):
    job, heard = Job(), Heard()

    def work():
        raise error

    job.start(work, **heard.calls())
    assert job.wait(5)
    assert heard.ends == [("failed", error)]


def test_the_job_listens_for_itself_and_its_caller_hears_nothing():
    mine = []
    job, heard = Job(), Heard()
    with progress.listening(lambda fraction, text: mine.append(text), interval=0):
        job.start(lambda: steps(3, 0), **heard.calls())
        assert job.wait(5)
    assert mine == [] and not progress.heard()
    assert heard.ends == [("then", "finished")]


def test_the_work_runs_on_one_thread_of_every_library():
    before = torch.get_num_threads()
    found = []
    job = Job()
    try:
        torch.set_num_threads(2)
        job.start(lambda: found.append(torch.get_num_threads()), **Heard().calls())
        assert job.wait(5) and found == [1] and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_problem_splits_what_was_wrong_from_what_to_do():
    found = problem(Missing("grads", Pool.of(torch.ones(3, 2))))
    assert found.sentence == "This needs 'grads', and the pool holds emb."
    assert "cx.signals(data)" in found.advice
    assert found.details.splitlines()[-1].startswith("coreset_explore.pool.Missing: this needs")


def test_problem_of_somebody_elses_exception_names_type_place_and_method():
    def own_method():
        raise ZeroDivisionError("division by zero")

    try:
        own_method()
    except ZeroDivisionError as error:
        error.add_note("My method")
        found = problem(error)
    assert found.sentence == "My method: ZeroDivisionError: division by zero."
    assert "own_method()" in found.advice
    assert "ZeroDivisionError: division by zero" in found.details


def test_activity_names_the_stage_and_what_is_counted_first():
    whole = "Recording signals, recording, epoch 3 of 5, training, update 8 of 45"
    assert brief(whole) == "Recording signals, epoch 3 of 5"
    assert brief("CRAIG, class 5 of 10, pick 2 of 60") == "CRAIG, class 5 of 10"
    assert brief("Loading") == "Loading"
    assert [duration(s) for s in (0.04, 9.96, 48.3, 200)] == ["0.0 s", "10.0 s", "48 s", "3 min 20 s"]


def test_guard_routes_a_callbacks_exception_into_the_session():
    session = Session()
    session.status = "done"

    @session_guard(session)
    def callback(change):
        raise ValueError("the sheet is empty; load the data again")

    assert callback({}) is None
    assert (
        session.problem.sentence == "The sheet is empty." and session.problem.advice == "Load the data again."
    )
    assert session.status == "error"
    session.status = "running"
    callback({})
    assert session.status == "running"  # a run goes on; its own end decides the state
