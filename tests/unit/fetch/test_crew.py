"""Many requests at once: what one error does to the others."""

import threading

import pytest

from verifier.fetch.crew import Crew


def test_results_come_in_order() -> None:
    crew = Crew(4)
    assert crew.gather(lambda item: item * 2, range(50)) == [item * 2 for item in range(50)]
    crew.close()


def test_row_55_an_error_of_any_item_cancels_what_has_not_started() -> None:
    """The first item hangs, the second fails, and perhaps a third has been begun: the others are not tried."""
    crew, asked, released = Crew(2), list[int](), threading.Event()

    def ask(item: int) -> int:
        asked.append(item)
        if item == 1:
            raise ValueError(item)
        released.wait(5)
        return item

    with pytest.raises(ValueError, match="1"):
        crew.gather(ask, range(50))
    released.set()
    crew.close()
    assert len(asked) <= 3


def test_a_stream_gives_results_in_order_and_makes_few_ahead() -> None:
    crew, begun = Crew(3), list[int]()

    def ask(item: int) -> int:
        begun.append(item)
        return item * 2

    for place, result in enumerate(crew.stream(ask, range(50))):
        assert result == place * 2
        assert len(begun) <= place + 5  # this one, those on their way, and the one that was just added
    crew.close()


def test_a_stream_gives_what_comes_before_an_error_and_begins_nothing_after_it() -> None:
    crew, begun, got = Crew(2), list[int](), list[int]()

    def ask(item: int) -> int:
        begun.append(item)
        if item == 7:
            raise ValueError(item)
        return item

    with pytest.raises(ValueError, match="7"):
        got += crew.stream(ask, range(50))
    crew.close()
    assert max(begun) <= 10


def test_a_stream_that_is_left_begins_nothing_more() -> None:
    crew, begun = Crew(2), list[int]()

    def ask(item: int) -> int:
        begun.append(item)
        return item

    for result in crew.stream(ask, range(50)):
        if result == 4:
            break
    crew.close()
    assert max(begun) <= 8
