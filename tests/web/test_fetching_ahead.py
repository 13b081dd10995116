"""Several addresses are fetched at once, in order, and each server is asked one thing after the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from rag import Cancelled
from rag.web.fetching_ahead import FetchingAhead


class Servers:
    """Servers that answer when all that are awaited have been asked."""

    def __init__(self, together: int) -> None:
        self.all_asked = threading.Barrier(together)
        self.asked: list[str] = []
        self.at_work: list[str] = []
        self.most_at_work = 0
        self._lock = threading.Lock()

    def task(self, address: str) -> tuple[str, Callable[[], str]]:
        host = address.split("/")[2]

        def fetch() -> str:
            with self._lock:
                assert host not in self.at_work
                self.asked.append(address)
                self.at_work.append(host)
                self.most_at_work = max(self.most_at_work, len(self.at_work))
            self.all_asked.wait(10)
            with self._lock:
                self.at_work.remove(host)
            return f"page of {address}"

        return address, fetch


def test_four_servers_are_asked_at_once_and_the_results_come_in_order():
    addresses = [f"http://server{number}.test/a" for number in range(8)]
    servers = Servers(together=4)
    with FetchingAhead([servers.task(address) for address in addresses]) as ahead:
        assert [ahead.take(index) for index in range(8)] == [f"page of {address}" for address in addresses]
    assert servers.most_at_work == 4


def test_a_server_is_asked_one_thing_after_the_other():
    addresses = ["http://one.test/1", "http://ONE.test./2", "https://one.test:8443/3", "http://two.test/4"]
    servers = Servers(together=1)
    with FetchingAhead([servers.task(address) for address in addresses]) as ahead:
        found = [ahead.take(index) for index in range(4)]
    assert found == [f"page of {address}" for address in addresses]
    assert [address for address in servers.asked if address != "http://two.test/4"] == addresses[:3]


def test_what_one_raises_is_raised_where_it_is_taken_and_the_others_go_on():
    def fail() -> str:
        raise TimeoutError("no answer")

    with FetchingAhead([("http://a.test", fail), ("http://b.test", lambda: "page")]) as ahead:
        with pytest.raises(TimeoutError, match="no answer"):
            ahead.take(0)
        assert ahead.take(1) == "page"


def test_when_it_is_cancelled_nothing_further_is_begun():
    asked, slow, cancel = list[int](), threading.Event(), threading.Event()

    def fetch(number: int) -> int:
        asked.append(number)
        cancel.set()
        slow.wait(10)
        return number

    tasks = [("http://a.test", lambda number=number: fetch(number)) for number in range(3)]
    began = time.monotonic()
    with pytest.raises(Cancelled), FetchingAhead(tasks) as ahead:
        ahead.take(0, cancel.is_set)
    assert time.monotonic() - began < 5
    slow.set()
    for thread in threading.enumerate():
        if thread.name == "fetching":
            thread.join(10)
    assert asked == [0]


def test_no_more_is_fetched_than_is_soon_taken():
    fetched = list[int]()
    tasks = [(f"http://server{n}.test", lambda n=n: fetched.append(n)) for n in range(40)]
    with FetchingAhead(tasks) as ahead:
        ahead.take(0)
        time.sleep(0.2)
        assert max(fetched) < 12
        for index in range(40):
            ahead.take(index)
    assert sorted(fetched) == list(range(40))
