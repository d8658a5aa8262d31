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
