from itertools import pairwise

from penstock.state.waiting import PAUSE_MAX_S, PAUSE_MIN_S, is_worth_telling, pause_s


def test_pauses_grow_from_a_tenth_of_a_second_to_five_seconds():
    pauses = [pause_s(tries) for tries in range(1, 2000)]
    assert (pauses[0], pauses[-1]) == (PAUSE_MIN_S, PAUSE_MAX_S)
    assert all(one <= later for one, later in pairwise(pauses))


def test_tries_are_told_ever_more_rarely_but_never_stop_being_told():
    told = [tries for tries in range(1, 200) if is_worth_telling(tries)]
    assert told == [1, 2, 4, 8, 16, 32, 64, 128, 192]
